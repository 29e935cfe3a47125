"""What llama.cpp says, event by event, in either of its dialects: pure translation.

The native one is that of `/completion`; OpenAI's is that of `/v1/completions`, which the embedded
engine speaks, and of `/v1/chat/completions`, where llama.cpp itself finds the tool calls.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from modelnet.core.chunk import Alternative, FinishReason, Token
from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
)

T = TypeVar("T")

LEAST_LOGPROB = -104.0
"""llama.cpp computes probabilities as float32; of those that vanish it tells the lowest number."""


class Likely(msgspec.Struct):
    """A token that could have been drawn."""

    id: int
    token: str
    bytes: list[int]
    logprob: float

    def alternative(self) -> Alternative:
        """Return it in our words."""
        return Alternative(self.token, bounded(self.logprob), bytes(self.bytes))


class Drawn(msgspec.Struct):
    """A token that was drawn, and what else was likely there."""

    id: int
    token: str
    bytes: list[int]
    logprob: float
    top_logprobs: list[Likely] = []

    def in_words(self, limit: int) -> Token:
        """Return it in our words, with at most so many alternatives."""
        alternatives = tuple(other.alternative() for other in self.top_logprobs[:limit])
        return Token(self.token, bounded(self.logprob), bytes(self.bytes), alternatives)


class Failure(msgspec.Struct, frozen=True):
    """An error as llama.cpp tells it."""

    message: str = "no reason given"
    type: str = ""
    code: int = 500


class Event(msgspec.Struct):
    """One event, whatever the dialect."""

    text: str = ""
    reasoning: str = ""
    n_tokens: int = 0
    drawn: list[Drawn] = []
    calls: list[msgspec.Raw] = []
    """Pieces of tool calls, as OpenAI streams them."""
    finish: FinishReason | None = None
    used: tuple[Any, Any] | None = None
    """Tokens read and written, as told: to be believed within reason."""


EventReader = Callable[[str, bytes], Event]
"""Reads one event of the model of that name."""


class _Native(msgspec.Struct):
    content: str = ""
    tokens: list[int] = []
    stop: bool = False
    stop_type: str = ""
    tokens_evaluated: Any = None
    tokens_predicted: Any = None
    completion_probabilities: list[Drawn] = []
    error: Failure | None = None


class _Logprobs(msgspec.Struct):
    content: list[Drawn] | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    text: str = ""
    delta: _Delta | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None


class _OpenAI(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Failure | None = None


_native_decoder = msgspec.json.Decoder(_Native)
_openai_decoder = msgspec.json.Decoder(_OpenAI)


def native_event(name: str, data: bytes) -> Event:
    """Read an event of `/completion`; whole answers have the same form.

    Raises:
        ModelnetError: it tells of a failure, or is garbage.
    """
    told = _decode(name, _native_decoder, data)
    if told.error is not None:
        raise error_of(name, told.error)
    # Younger servers tell which tokens they sent, older ones only that they sent something.
    n_tokens = len(told.tokens) or bool(told.content)
    event = Event(told.content, "", n_tokens, told.completion_probabilities)
    if told.stop:
        event.finish = "length" if told.stop_type == "limit" else "stop"
        event.used = (told.tokens_evaluated, told.tokens_predicted)
    return event


def openai_event(name: str, data: bytes) -> Event:
    """Read an event of `/v1/completions` or `/v1/chat/completions`.

    Raises:
        ModelnetError: it tells of a failure, or is garbage.
    """
    told = _decode(name, _openai_decoder, data)
    if told.error is not None:
        raise error_of(name, told.error)
    event = Event()
    for choice in told.choices[:1]:
        event.text = choice.text
        if (delta := choice.delta) is not None:
            event.text = delta.content or ""
            event.reasoning = delta.reasoning_content or ""
            event.calls = delta.tool_calls or []
        if choice.logprobs is not None:
            event.drawn = choice.logprobs.content or []
        # llama.cpp sends an event a token, but for the last, which only says why it ends.
        event.n_tokens = int(choice.finish_reason is None)
        event.finish = _finish(choice.finish_reason)
    if told.usage is not None:
        event.used = (told.usage.prompt_tokens, told.usage.completion_tokens)
    return event


def _finish(reason: str | None) -> FinishReason | None:
    match reason:
        case None:
            return None
        case "length" | "tool_calls":
            return reason
        case _:
            return "stop"


def _decode(name: str, decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"{name} answered garbage; ask another model.") from error


def bounded(logprob: float) -> float:
    """Return a log-probability as one can be: rounding makes some a little more than certain."""
    return min(0.0, max(logprob, LEAST_LOGPROB))


def error_of(name: str, failure: Failure) -> ModelnetError:
    """Return our word for an error of llama.cpp."""
    told = failure.message
    if failure.type == "exceed_context_size_error":
        return ContextTooLongError(f"The prompt is too long for {name}: {told}; shorten it.")
    if failure.code == HTTPStatus.BAD_REQUEST:
        return InvalidRequestError(f"{name} cannot answer this request: {told}.")
    return EngineError(f"The engine of {name} failed: {told}; ask again or another model.")
