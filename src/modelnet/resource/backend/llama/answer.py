"""Folding llama.cpp's events into the chunks of one answer."""

from collections.abc import Iterable

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
        self._counted = Usage(count_pieces(prompt))

    def read(self, data: Iterable[bytes]) -> Chunk | None:
        """Return what a batch of events adds to the answer; `None` where that is nothing yet.

        Raises:
            ContextTooLongError: the prompt does not fit.
            InvalidRequestError: llama.cpp refused the request for another reason.
            EngineError: llama.cpp failed, or called a tool with garbage.
        """
        said = Split()
        tokens: list[Token] = []
        usage: Usage | None = None
        for raw in data:
            event = self._read_event(self._name, raw)
            split = self._split(event)
            tokens += self._tokens_of(event.drawn, split)
            said = Split(said.text + split.text, said.reasoning + split.reasoning)
            self._count(event)
            if event.used is not None:
                usage = believed(*event.used, self._counted)
            for piece in event.calls:
                self._calls.feed(bytes(piece))
        if usage is not None and self._finish is not None:
            end = (self._calls.calls(), self._finish, usage)
            return self._chunk(said, tokens, *end)
        return self._chunk(said, tokens) if said.text or said.reasoning else None

    def _count(self, event: Event) -> None:
        self._n_tokens += event.n_tokens
        read, written = self._counted.prompt_tokens, self._counted.completion_tokens
        self._counted = Usage(read, written + event.n_tokens)

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

    def _split(self, event: Event) -> Split:
        split = self._splitter.feed(event.text)
        if event.finish is not None:
            self._finish = event.finish
            rest = self._splitter.flush()
            split = Split(split.text + rest.text, split.reasoning + rest.reasoning)
        return Split(split.text, event.reasoning + split.reasoning)

    def _tokens_of(self, drawn: list[Drawn], split: Split) -> list[Token]:
        """Return the tokens of what became text or reasoning; those of the markers are left out."""
        if self._alternatives is None:
            return []
        self._pending += (token.in_words(self._alternatives) for token in drawn)
        if not split.text and not split.reasoning and self._splitter.phase == "undecided":
            return []
        tokens, self._pending = self._pending, []
        return tokens if split.text or split.reasoning else []
