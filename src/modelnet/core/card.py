"""What a node claims of a model. Claims are priors; what was measured of it is its standing."""

from typing import Annotated

import msgspec

from modelnet.core.request import Operation
from modelnet.core.tensor import TensorSpec


class Skill(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a model claims to be good at."""

    id: str
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """US dollars for a million tokens. A model of one's own machine is free."""

    input_per_mtok: float = 0.0
    output_per_mtok: float = 0.0


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file a model is made of, by its content: other nodes may fetch it."""

    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """Of the manifest of its pieces; see `modelnet.resource.copy`."""
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    form: str
    """What reads it: `gguf`, `onnx`."""
    may_copy: bool = True
    """False where its owner wants no copies: then nobody hands it on."""


class ModelCard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A model as its node describes it."""

    name: str
    description: str = ""
    version: str = "1"
    operations: tuple[Operation, ...]
    skills: tuple[Skill, ...] = ()
    engine: str
    """What runs it: `llama.cpp`, `ollama`, `openai`, `onnx`, `python`, `scripted` and others."""
    parameters: int | None = None
    """Number of weights, where known: the cost of a token in arithmetic."""
    context_length: int | None = None
    """Tokens that prompt and answer may have together, where known."""
    parallel: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Requests the engine truly runs at once."""
    has_logprobs: bool = False
    has_vision: bool = False
    has_tools: bool = False
    has_schema: bool = False
    """Whether it holds its answer to a `response_format`."""
    can_continue: bool = True
    """Whether the engine goes on with an answer begun elsewhere: mid-answer failover needs it."""
    price: Price = Price()
    is_metered: bool = False
    """Whether asking it costs its owner money, even where no `price` is told."""
    licence: str | None = None
    """An SPDX name, where known."""
    embedding_size: int | None = None
    """Numbers in a vector of `embed`, where known."""
    hidden_size: int | None = None
    """Numbers in a hidden state of `encode`, where known."""
    layers: int | None = None
    """The highest layer that `encode` can tell of; the last only, where not known."""
    inputs: tuple[TensorSpec, ...] = ()
    """What `infer` takes."""
    outputs: tuple[TensorSpec, ...] = ()
    """What `infer` gives."""
    artifact: Artifact | None = None
    """The file it is made of, where it is one."""

    @property
    def is_free(self) -> bool:
        """Whether asking it costs nobody anything."""
        return self.price == Price() and not self.is_metered

    @property
    def skill_ids(self) -> frozenset[str]:
        """The ids of the claimed skills."""
        return frozenset(skill.id for skill in self.skills)
