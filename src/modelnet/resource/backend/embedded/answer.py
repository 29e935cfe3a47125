"""llama.cpp's completion events, read into chunks."""

from http import HTTPStatus

import msgspec

from modelnet.core.chunk import Alternative, Chunk, FinishReason, Token, Usage
from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
)
from modelnet.resource.backend.reasoning import ReasoningFilter, Split


class _Alternative(msgspec.Struct):
    token: str
    bytes: list[int]
    logprob: float


class _Token(msgspec.Struct):
    token: str
    bytes: list[int]
    logprob: float
    top_logprobs: list[_Alternative] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] = []


class _Choice(msgspec.Struct):
    text: str = ""
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Failure(msgspec.Struct, frozen=True):
    """An error as llama.cpp tells it."""

    message: str = "no reason given"
    type: str = ""
    code: int = 500


class Failed(msgspec.Struct, frozen=True):
    """An answer that is an error."""

    error: Failure = Failure()


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Failure | None = None


_event_decoder = msgspec.json.Decoder(_Event)


class AnswerReader:
    """Folds the events of one answer into chunks, one a batch."""

    def __init__(self, name: str, splitter: ReasoningFilter, alternatives: int = 0) -> None:
        self._name = name
        self._alternatives = alternatives
        self._splitter = splitter
        self._pending: list[Token] = []
        self._finish: FinishReason | None = None

    def read(self, events: list[bytes]) -> Chunk:
        """Return what a batch of events adds to the answer; it may be nothing.

        Raises:
            ContextTooLongError: the prompt does not fit.
            InvalidRequestError: llama.cpp refused the request for another reason.
            EngineError: llama.cpp failed.
        """
        text, reasoning = "", ""
        tokens: list[Token] = []
        n_tokens = 0
        usage = None
        for event in map(_event_decoder.decode, events):
            if event.error is not None:
                raise error_of(self._name, event.error)
            for choice in event.choices:
                split = self._split(choice)
                text += split.text
                reasoning += split.reasoning
                tokens += self._tokens_of(choice, split)
                # llama.cpp sends an event a token, but for the last, which only says why it ends.
                n_tokens += choice.finish_reason is None
            if event.usage is not None:
                usage = Usage(event.usage.prompt_tokens, event.usage.completion_tokens)
        return Chunk(
            text=text,
            reasoning=reasoning,
            n_tokens=n_tokens,
            tokens=tuple(tokens),
            finish=self._finish if usage is not None else None,
            usage=usage,
        )

    def _split(self, choice: _Choice) -> Split:
        split = self._splitter.feed(choice.text)
        if choice.finish_reason is None:
            return split
        self._finish = "length" if choice.finish_reason == "length" else "stop"
        rest = self._splitter.flush()
        return Split(split.text + rest.text, split.reasoning + rest.reasoning)

    def _tokens_of(self, choice: _Choice, split: Split) -> list[Token]:
        """Return the tokens of what became text or reasoning; those of the markers are left out."""
        if choice.logprobs is not None:
            self._pending += (_token(t, self._alternatives) for t in choice.logprobs.content)
        if not split.text and not split.reasoning and self._splitter.phase == "undecided":
            return []
        tokens, self._pending = self._pending, []
        return tokens if split.text or split.reasoning else []


def _token(token: _Token, limit: int) -> Token:
    alternatives = tuple(
        Alternative(other.token, other.logprob, bytes(other.bytes))
        for other in token.top_logprobs[:limit]
    )
    return Token(token.token, token.logprob, bytes(token.bytes), alternatives)


def error_of(name: str, failure: Failure) -> ModelnetError:
    """Return our word for an error of llama.cpp."""
    told = failure.message
    if failure.type == "exceed_context_size_error":
        return ContextTooLongError(f"The prompt is too long for {name}: {told}; shorten it.")
    if failure.code == HTTPStatus.BAD_REQUEST:
        return InvalidRequestError(f"{name} cannot answer this request: {told}.")
    return EngineError(f"The engine of {name} failed: {told}; ask again or another model.")
