"""What a node claims of a model. Claims are priors; what was measured of it is its standing."""

from typing import Annotated

import msgspec

from modelnet.core.request import Operation


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


class ModelCard(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A model as its node describes it."""

    name: str
    description: str = ""
    version: str = "1"
    operations: tuple[Operation, ...]
    skills: tuple[Skill, ...] = ()
    engine: str
    """What runs it: `llama.cpp`, `openai`, `python`, `scripted`."""
    parameters: int | None = None
    """Number of weights, where known: the cost of a token in arithmetic."""
    context_length: int | None = None
    """Tokens that prompt and answer may have together, where known."""
    parallel: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Requests the engine truly runs at once."""
    has_logprobs: bool = False
    has_vision: bool = False
    has_tools: bool = False
    can_continue: bool = True
    """Whether the engine goes on with an answer begun elsewhere: mid-answer failover needs it."""
    price: Price = Price()
    licence: str | None = None

    @property
    def skill_ids(self) -> frozenset[str]:
        """The ids of the claimed skills."""
        return frozenset(skill.id for skill in self.skills)
