"""Folding drawn tokens into an answer: text, reasoning, stop sequences, tool calls. Pure."""

import codecs

from modelnet.core.chunk import Chunk, FinishReason, Token, Usage
from modelnet.resource.backend.reasoning import Phase, ReasoningFilter, Split
from modelnet.resource.backend.shaping import StopFilter
from modelnet.resource.backend.transformers.call import CallReader


class AnswerWriter:
    """Turns tokens into chunks. A token is told of once all its text is."""

    def __init__(self, phase: Phase, stop: tuple[str, ...], calls: CallReader | None) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._splitter = ReasoningFilter(phase)
        self._stop = StopFilter(stop)
        self._calls = calls
        self._pending: list[Token] = []
        self._told_bytes = 0
        self._n_tokens = 0

    @property
    def is_stopped(self) -> bool:
        """Whether a stop sequence has come: then ask for no more tokens."""
        return self._stop.is_stopped

    def feed(self, written: bytes, token: Token | None) -> Chunk | None:
        """Take in the bytes of the next token, told in full where log-probabilities are wanted.

        Raises:
            EngineError: a tool call cannot be read.
        """
        self._n_tokens += 1
        if token is not None:
            self._pending.append(token)
        phase = self._splitter.phase
        split = self._shown(self._splitter.feed(self._decoder.decode(written)))
        is_shown = bool(split.text or split.reasoning)
        tokens = self._tokens_of(split) if is_shown else ()
        if "thinking" in {phase, self._splitter.phase} and phase != self._splitter.phase:
            tokens += self._pass_marker(is_kept=is_shown)
        return self._chunk(split, tokens) if is_shown else None

    def end(self, finish: FinishReason, usage: Usage) -> Chunk:
        """Return the last chunk.

        Raises:
            EngineError: a tool call cannot be read.
        """
        rest = Split()
        if not self.is_stopped:
            rest = self._flush(is_cut=finish == "length")
        tokens = () if self.is_stopped else tuple(self._pending)
        calls = tuple(self._calls.calls) if self._calls else ()
        return Chunk(
            text=rest.text,
            reasoning=rest.reasoning,
            n_tokens=self._n_tokens,
            tokens=tokens,
            tool_calls=calls,
            finish="tool_calls" if calls and finish == "stop" else finish,
            usage=usage,
        )

    def _shown(self, split: Split) -> Split:
        text = self._calls.feed(split.text) if self._calls else split.text
        return Split(self._stop.feed(text), split.reasoning)

    def _flush(self, *, is_cut: bool) -> Split:
        last = self._splitter.feed(self._decoder.decode(b"", final=True))
        rest = self._splitter.flush()
        text = last.text + rest.text
        if self._calls:
            text = self._calls.feed(text) + self._calls.flush(is_cut=is_cut)
        shown = self._stop.feed(text)
        return Split(shown + self._stop.flush(), last.reasoning + rest.reasoning)

    def _tokens_of(self, split: Split) -> tuple[Token, ...]:
        """Return the tokens whose bytes have all been told."""
        self._told_bytes += len((split.text + split.reasoning).encode())
        told: list[Token] = []
        while self._pending and len(self._pending[0].bytes) <= self._told_bytes:
            self._told_bytes -= len(self._pending[0].bytes)
            told.append(self._pending.pop(0))
        if not self._pending:
            # A byte that is no letter is shown as three.
            self._told_bytes = 0
        return tuple(told)

    def _pass_marker(self, *, is_kept: bool) -> tuple[Token, ...]:
        """Forget the tokens of a marker, but for the last where it holds more (`is_kept`)."""
        kept = tuple(self._pending[-1:]) if is_kept else ()
        self._pending.clear()
        self._told_bytes = 0
        return kept

    def _chunk(self, split: Split, tokens: tuple[Token, ...]) -> Chunk:
        n_tokens, self._n_tokens = self._n_tokens, 0
        return Chunk(text=split.text, reasoning=split.reasoning, n_tokens=n_tokens, tokens=tokens)
