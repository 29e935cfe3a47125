"""One streamed answer of an OpenAI-compatible server, read into chunks. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from modelnet.core.chunk import Chunk, FinishReason, Token, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete
from modelnet.resource.backend.http.decoding import decoded
from modelnet.resource.backend.http.failure import message_of
from modelnet.resource.backend.openai.logprob import Logprobs, tokens_of
from modelnet.resource.backend.prompt import read_text
from modelnet.resource.backend.reasoning import Phase, ReasoningFilter, Split
from modelnet.resource.backend.shaping import StopFilter, count_pieces
from modelnet.resource.backend.tool import ToolCallReader, check_calls
from modelnet.resource.backend.usage import believed

_DONE = b"[DONE]"


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Event)

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class AnswerReader:
    """Folds the events of one streamed answer into chunks.

    Tokens are counted here where the server does not say: as many as it gave log-probabilities
    for, else by pieces of about four letters.
    """

    def __init__(self, name: str, request: Chat | Complete, phase: Phase = "undecided") -> None:
        self.usage: Any = None
        """As the server told it."""
        self._name = name
        self._request = request
        self._splitter = ReasoningFilter(phase)
        # Some servers end at a stop sequence, and send it all the same.
        self._stop = StopFilter(request.sampling.stop)
        self._finish: FinishReason | None = None
        self._tokens_seen = 0
        self._pieces_seen = 0
        self._calls = ToolCallReader(name)

    def read(self, events: Iterable[bytes]) -> Chunk:
        """Return what a batch of events adds to the answer; it may be nothing.

        Raises:
            EngineError: an event is garbage or reports a failure.
        """
        choices = self._choices(events)
        if any(choice.logprobs is not None for choice in choices):
            splits, tokens = self._split_with_tokens(choices)
        else:
            splits, tokens = [self._split(choices)], []
        text = "".join(split.text for split in splits)
        reasoning = "".join(split.reasoning for split in splits)
        # Servers send an event a token, but for the last, which only says why it ends.
        n_tokens = sum(choice.finish_reason is None for choice in choices)
        self._tokens_seen += len(tokens)
        self._pieces_seen += count_pieces(text) + count_pieces(reasoning)
        return Chunk(text=text, reasoning=reasoning, n_tokens=n_tokens, tokens=tuple(tokens))

    def last(self) -> Chunk:
        """Return the chunk that ends the answer, once the server has nothing more to say.

        Raises:
            EngineError: the server broke off, or called a tool with garbage.
        """
        if self._finish is None:
            raise EngineError(f"{self._name} broke off in the middle of its answer; ask again.")
        rest = self._flush()
        self._pieces_seen += count_pieces(rest.text) + count_pieces(rest.reasoning)
        calls = self._calls.calls(is_cut=self._finish == "length")
        if isinstance(self._request, Chat):
            check_calls(self._name, self._request, calls, self._finish)
        # Some servers call tools and say `stop`.
        finish = "tool_calls" if calls else self._finish
        return Chunk(
            text=rest.text,
            reasoning=rest.reasoning,
            tool_calls=calls,
            finish="stop" if finish == "tool_calls" and not calls else finish,
            usage=self._count(),
        )

    def _choices(self, events: Iterable[bytes]) -> list[_Choice]:
        choices: list[_Choice] = []
        for data in events:
            if data == _DONE:
                continue
            event = decoded(self._name, data, _decoder)
            if event.error is not None:
                raise EngineError(f"{self._name} failed: {message_of(event.error)}; ask again.")
            self.usage = self.usage if event.usage is None else event.usage
            for choice in event.choices[:1]:
                for piece in (choice.delta and choice.delta.tool_calls) or ():
                    self._calls.feed(bytes(piece))
                if choice.finish_reason is not None:
                    self._finish = _FINISH.get(choice.finish_reason, "stop")
                choices.append(choice)
        return choices

    def _split_with_tokens(self, choices: Sequence[_Choice]) -> tuple[list[Split], list[Token]]:
        """Split piece by piece: a token after a stop sequence is not shown."""
        splits: list[Split] = []
        tokens: list[Token] = []
        for choice in choices:
            splits.append(self._split([choice]))
            tokens += () if self._stop.is_stopped else tokens_of(choice.logprobs)
        return splits, tokens

    def _split(self, choices: Sequence[_Choice]) -> Split:
        raw = apart = ""
        for choice in choices:
            if (delta := choice.delta) is not None:
                raw += delta.content or ""
                apart += delta.reasoning_content or delta.reasoning or ""
            raw += choice.text or ""
        split = self._splitter.feed(raw)
        return Split(self._stop.feed(split.text), apart + split.reasoning)

    def _flush(self) -> Split:
        rest = self._splitter.flush()
        return Split(self._stop.feed(rest.text) + self._stop.flush(), rest.reasoning)

    def _count(self) -> Usage:
        written = self._tokens_seen or self._pieces_seen
        return usage_told(self.usage, Usage(count_pieces(read_text(self._request)), written))


def usage_told(usage: Any, counted: Usage) -> Usage:
    """Return the usage of an answer; what we counted where the server's cannot be true."""
    told = cast("dict[str, Any]", usage) if isinstance(usage, dict) else {}
    return believed(told.get("prompt_tokens"), told.get("completion_tokens"), counted)
