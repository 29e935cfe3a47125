"""What a model answers: a stream of chunks; the last says why it ended and what it used."""

from typing import Annotated, Literal, TypeAlias

import msgspec

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class Usage(msgspec.Struct, frozen=True):
    """Tokens read and written. Engines that do not count are counted for."""

    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0

    @property
    def total_tokens(self) -> int:
        """Tokens read and written together."""
        return self.prompt_tokens + self.completion_tokens


class Alternative(msgspec.Struct, frozen=True, array_like=True):
    """A token that could have been drawn, its natural-log probability and its raw bytes."""

    text: str
    logprob: float
    bytes: bytes


class Token(msgspec.Struct, frozen=True, array_like=True):
    """A token that was drawn, and what else was likely at that place, best first."""

    text: str
    logprob: float
    bytes: bytes
    alternatives: tuple[Alternative, ...] = ()


class Chunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The next piece of an answer.

    `vectors` holds one little-endian float32 array an input, for `embed` only. Exactly the last
    chunk of an answer carries `finish` and `usage`.
    """

    text: str = ""
    reasoning: str = ""
    n_tokens: int = 1
    """How many tokens `text` and `reasoning` are, as far as the engine says."""
    tokens: tuple[Token, ...] = ()
    """Those tokens with their log-probabilities, when they were asked for."""
    vectors: tuple[bytes, ...] = ()
    tool_calls: tuple[bytes, ...] = ()
    """Pieces of tool calls, each one JSON text as OpenAI writes them in a stream."""
    finish: FinishReason | None = None
    usage: Usage | None = None
