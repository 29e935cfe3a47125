"""What a tokenizer-less engine lacks: pieces to count, stop sequences, length limits, continuation.

Functions and scripts produce text, not tokens. Here a *piece* stands in for a token: at most four
letters or digits with the space before them, or one other character. Pieces joined are the text.
"""

import re

from modelnet.core.chunk import FinishReason
from modelnet.core.error import EngineError
from modelnet.core.request import Sampling

_PIECE = re.compile(r"\s?\w{1,4}|\s?[^\w\s]|\s")


def pieces_of(text: str) -> list[str]:
    """Cut a text into pieces; joined they are the text again."""
    return _PIECE.findall(text)


def count_pieces(text: str) -> int:
    """Return how many tokens to bill for a text that no engine counted."""
    return sum(1 for _ in _PIECE.finditer(text))


class StopFilter:
    """Holds back what may turn into a stop sequence, and ends the text where one is complete."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = tuple(sequence for sequence in stop if sequence)
        self._held = ""
        self.is_stopped = False

    def feed(self, text: str) -> str:
        """Return what may be shown after `text` arrived."""
        if self.is_stopped:
            return ""
        if not self._stop:
            return text
        self._held += text
        places = [at for s in self._stop if (at := self._held.find(s)) >= 0]
        if places:
            self.is_stopped = True
            shown, self._held = self._held[: min(places)], ""
            return shown
        keep = self._ambiguous_length()
        shown, self._held = (
            self._held[: len(self._held) - keep],
            self._held[len(self._held) - keep :],
        )
        return shown

    def flush(self) -> str:
        """Return what was held back, now that nothing more comes."""
        shown, self._held = self._held, ""
        return shown

    def _ambiguous_length(self) -> int:
        longest = max((len(sequence) - 1 for sequence in self._stop), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(s.startswith(self._held[-length:]) for s in self._stop):
                return length
        return 0


class Shaper:
    """Turns the raw text of a function into an answer: continued, stopped and cut as asked.

    `finish` is set once the answer ended before its text did; then ask for no more text.
    """

    def __init__(self, sampling: Sampling, already: str = "") -> None:
        self._already = already
        self._stop = StopFilter(sampling.stop)
        self._left = sampling.max_tokens
        self.finish: FinishReason | None = None
        self.completion_tokens = 0

    def feed(self, text: str) -> str:
        """Return the part of `text` that belongs to the answer and was not shown before.

        Raises:
            EngineError: the text is not one that begins with the part already shown.
        """
        if self.finish is not None:
            return ""
        shown = self._stop.feed(self._skip(text))
        if self._stop.is_stopped:
            self.finish = "stop"
        return self._cut(shown)

    def flush(self) -> str:
        """Return the rest, and set `finish`, when the text is complete."""
        if self._already:
            raise _other_answer()
        shown = "" if self.finish is not None else self._cut(self._stop.flush())
        self.finish = self.finish or "stop"
        return shown

    def _skip(self, text: str) -> str:
        size = min(len(text), len(self._already))
        if text[:size] != self._already[:size]:
            raise _other_answer()
        self._already = self._already[size:]
        return text[size:]

    def _cut(self, text: str) -> str:
        pieces = pieces_of(text)
        if self._left is not None:
            if len(pieces) > self._left:
                pieces = pieces[: self._left]
                self.finish = "length"
            self._left -= len(pieces)
        self.completion_tokens += len(pieces)
        return "".join(pieces)


def _other_answer() -> EngineError:
    return EngineError(
        "The model answers otherwise than the part already given; go on with another model."
    )
