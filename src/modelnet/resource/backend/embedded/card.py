"""What a GGUF file says of itself becomes a card, and the settings to run it with: pure."""

from pathlib import Path

import msgspec

from modelnet.core.card import ModelCard, Skill
from modelnet.core.request import Operation
from modelnet.resource.backend.embedded.engine import EngineSettings
from modelnet.resource.backend.embedded.gguf import GgufHeader

DEFAULT_CONTEXT_LENGTH = 8192
"""Tokens a request may have where the model allows more: memory is reserved for all of them."""

TINY_PARAMETERS = 50_000_000
"""Below it a second thread costs more in waiting than it saves in work."""

LOGITS_BYTES = 1 << 28
"""Memory that llama.cpp may reserve for the logits of one batch."""

_LEAST_BATCH, _MOST_BATCH = 512, 2048
_FLOAT_BYTES = 4

_GENERATOR: tuple[Operation, ...] = ("chat", "complete", "step", "score", "encode")
_EMBEDDER: tuple[Operation, ...] = ("embed",)


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a GGUF file beyond what it says itself."""

    name: str | None = None
    """The name of the file without its ending, unless given."""
    description: str = ""
    skills: tuple[Skill, ...] = ()
    sha256: str | None = None
    """Hexadecimal; a file with another digest is refused."""
    temperature: float | None = None
    """For requests that give none."""
    may_copy: bool | None = None
    """What the owner of the file said of copies, if anything."""


def card_of(header: GgufHeader, name: str, claims: Claims, parallel: int) -> ModelCard:
    """Return the card of a GGUF file."""
    is_embedder = header.is_embedder
    return ModelCard(
        name=name,
        description=claims.description or header.text("general.description"),
        operations=_EMBEDDER if is_embedder else _GENERATOR,
        skills=claims.skills,
        engine="llama.cpp",
        parameters=header.parameters,
        context_length=context_length_of(header),
        parallel=parallel,
        has_logprobs=not is_embedder,
        has_schema=not is_embedder,
        licence=header.text("general.license") or None,
        embedding_size=header.embedding_size if is_embedder else None,
        hidden_size=None if is_embedder else header.hidden_size,
    )


def settings_of(
    header: GgufHeader, parallel: int, processors: int, projector: Path | None = None
) -> EngineSettings:
    """Return how to run a GGUF file on a machine with so many processors."""
    return EngineSettings(
        context_length=context_length_of(header),
        parallel=parallel,
        threads=1 if header.parameters < TINY_PARAMETERS else processors,
        batch=batch_of(header, parallel),
        is_embedder=header.is_embedder,
        projector=None if projector is None else str(projector),
    )


def context_length_of(header: GgufHeader) -> int:
    """Return how many tokens a request may have."""
    return min(header.context_length or DEFAULT_CONTEXT_LENGTH, DEFAULT_CONTEXT_LENGTH)


def batch_of(header: GgufHeader, parallel: int) -> int:
    """Return how many tokens to read at once: as many as an input to embed or encode may have.

    llama.cpp reserves logits for each of them, (batch, vocabulary) float32, embedders none.
    """
    context = context_length_of(header)
    if header.is_embedder:
        most = min(context, _MOST_BATCH)
        # llama.cpp pools in equal shares, and aborts the process where they do not come out even.
        return max(1, most // parallel) * parallel
    fitting = LOGITS_BYTES // (_FLOAT_BYTES * max(1, header.vocabulary_size))
    return min(context, max(_LEAST_BATCH, min(fitting, _MOST_BATCH)))
