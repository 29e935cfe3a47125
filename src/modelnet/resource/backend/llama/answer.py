"""Folding llama.cpp's events into the chunks of one answer."""

from collections.abc import Iterable, Sequence

from modelnet.core.chunk import Chunk, FinishReason, Token, ToolCall, Usage
from modelnet.resource.backend.llama.event import Drawn, Event, EventReader
from modelnet.resource.backend.reasoning import ReasoningFilter, Split
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.tool import ToolCallReader
from modelnet.resource.backend.usage import believed


class AnswerReader:
    """Reads the events of one answer, a chunk a batch."""

    def __init__(
        self,
        name: str,
        read_event: EventReader,
        splitter: ReasoningFilter,
        *,
        prompt: str = "",
        alternatives: int | None = None,
    ) -> None:
        """Read what the model `name` says.

        Args:
            name: of the model.
            read_event: reads the dialect it speaks.
            splitter: tells its reasoning from its answer.
            prompt: what it read, to be counted where it does not count.
            alternatives: how many are wanted for each token; `None` wants no tokens at all.
        """
        self._name = name
        self._read_event = read_event
        self._splitter = splitter
        self._alternatives = alternatives
        self._pending: list[Token] = []
        self._calls = ToolCallReader(name)
        self._finish: FinishReason | None = None
        self._n_tokens = 0
        self._read_tokens = count_pieces(prompt)
        self._written = 0

    def read(self, data: Iterable[bytes]) -> Chunk | None:
        """Return what a batch of events adds to the answer; `None` where that is nothing yet.

        Raises:
            ContextTooLongError: the prompt does not fit.
            InvalidRequestError: llama.cpp refused the request for another reason.
            EngineError: llama.cpp failed, or called a tool with garbage.
        """
        events = [self._read_event(self._name, raw) for raw in data]
        tokens: list[Token] = []
        if self._alternatives is None:
            said = self._split(events)
        else:
            said = self._split_with_tokens(events, tokens)
        usage: Usage | None = None
        for event in events:
            self._n_tokens += event.n_tokens
            self._written += event.n_tokens
            if event.used is not None:
                usage = believed(*event.used, Usage(self._read_tokens, self._written))
            for piece in event.calls:
                self._calls.feed(bytes(piece))
        if usage is not None and self._finish is not None:
            end = (self._calls.calls(), self._finish, usage)
            return self._chunk(said, tokens, *end)
        return self._chunk(said, tokens) if said.text or said.reasoning else None

    def _chunk(
        self,
        said: Split,
        tokens: list[Token],
        calls: tuple[ToolCall, ...] = (),
        finish: FinishReason | None = None,
        usage: Usage | None = None,
    ) -> Chunk:
        n_tokens, self._n_tokens = self._n_tokens, 0
        return Chunk(
            text=said.text,
            reasoning=said.reasoning,
            n_tokens=n_tokens,
            tokens=tuple(tokens),
            tool_calls=calls,
            finish=finish,
            usage=usage,
        )

    def _split(self, events: Sequence[Event]) -> Split:
        raw = apart = ""
        finish: FinishReason | None = None
        for event in events:
            raw += event.text
            apart += event.reasoning
            finish = event.finish or finish
        split = self._splitter.feed(raw)
        if finish is not None:
            self._finish = finish
            rest = self._splitter.flush()
            split = Split(split.text + rest.text, split.reasoning + rest.reasoning)
        return Split(split.text, apart + split.reasoning) if apart else split

    def _split_with_tokens(self, events: Sequence[Event], tokens: list[Token]) -> Split:
        """Split piece by piece, and add the tokens of each to `tokens`."""
        said = Split()
        for event in events:
            split = self._split([event])
            tokens += self._tokens_of(event.drawn, split)
            said = Split(said.text + split.text, said.reasoning + split.reasoning)
        return said

    def _tokens_of(self, drawn: list[Drawn], split: Split) -> list[Token]:
        """Return the tokens of what became text or reasoning; those of the markers are left out."""
        self._pending += (token.in_words(self._alternatives or 0) for token in drawn)
        if not split.text and not split.reasoning and self._splitter.is_beginning:
            return []
        tokens, self._pending = self._pending, []
        return tokens if split.text or split.reasoning else []
