"""What a model answers: a stream of chunks; the last says why it ended and what it used."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from modelnet.core.tensor import Tensor

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
    """A token that could have been drawn, its natural-log probability and its raw bytes.

    A token without bytes is one of those that end an answer.
    """

    text: str
    logprob: float
    bytes: bytes


class Token(msgspec.Struct, frozen=True, array_like=True):
    """A token that was drawn, and what else was likely at that place, best first."""

    text: str
    logprob: float
    bytes: bytes
    alternatives: tuple[Alternative, ...] = ()


class ToolCall(msgspec.Struct, frozen=True):
    """A tool the model wants called: its name, and its arguments as the text of a JSON object."""

    id: str
    name: str
    arguments: str


class Chunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The next piece of an answer. Exactly the last one carries `finish` and `usage`."""

    text: str = ""
    reasoning: str = ""
    n_tokens: int = 1
    """How many tokens `text` and `reasoning` are, as far as the engine says."""
    tokens: tuple[Token, ...] = ()
    """Those tokens with their log-probabilities, when they were asked for."""
    """To `score`: the tokens of the continuation, each with its log-probability."""
    alternatives: tuple[Alternative, ...] = ()
    """To `step`: what may come next, best first."""
    vectors: tuple[bytes, ...] = ()
    """To `embed`: one little-endian float32 array an input."""
    tensors: tuple[Tensor, ...] = ()
    """To `infer`: the outputs. To `encode`: an FP32 array (tokens, hidden size) for each input."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Whole calls, whose arguments are valid JSON."""
    finish: FinishReason | None = None
    usage: Usage | None = None
