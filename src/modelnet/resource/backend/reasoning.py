"""Telling thought from answer: reasoning models write `<think>...</think>` before they speak."""

from typing import Literal, NamedTuple, TypeAlias

OPEN, CLOSE = "<think>", "</think>"

Phase: TypeAlias = Literal["undecided", "opened", "thinking", "speaking"]
"""Where an answer is; `opened` is thinking whose marker the prompt held, and that may repeat it."""


class Split(NamedTuple):
    """What a piece of raw text turned out to be."""

    text: str = ""
    reasoning: str = ""


class ReasoningFilter:
    """Splits raw text that arrives in pieces, wherever the markers fall between them.

    Only an answer that begins with the opening marker holds reasoning; everything after the
    closing one is text, verbatim.
    """

    def __init__(self, phase: Phase = "undecided") -> None:
        self.phase: Phase = phase
        self._held = ""

    def feed(self, raw: str) -> Split:
        """Return what can be told apart after `raw` arrived."""
        if self.phase == "speaking" and not self._held:
            return Split(text=raw)
        self._held += raw
        if self.is_beginning:
            self._decide()
        if self.phase == "thinking":
            return self._think()
        return Split() if self.is_beginning else Split(text=self._release())

    @property
    def is_beginning(self) -> bool:
        """Whether what came may yet turn out to be the opening marker."""
        return self.phase in {"undecided", "opened"}

    def flush(self) -> Split:
        """Return what was held back, now that nothing more comes."""
        held = self._release()
        is_thought = self.phase in {"opened", "thinking"}
        return Split(reasoning=held) if is_thought else Split(text=held)

    def _decide(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPEN):
            self.phase = "thinking"
            self._held = begun[len(OPEN) :]
        elif not OPEN.startswith(begun):
            self.phase = "thinking" if self.phase == "opened" else "speaking"

    def _think(self) -> Split:
        reasoning, closed, rest = self._held.partition(CLOSE)
        if closed:
            self.phase = "speaking"
            self._held = ""
            return Split(rest, reasoning)
        keep = _overlap(self._held, CLOSE)
        reasoning, self._held = _cut(self._held, len(self._held) - keep)
        return Split(reasoning=reasoning)

    def _release(self) -> str:
        held, self._held = self._held, ""
        return held


def continued(prompt: str, text: str, reasoning: str) -> str:
    """Return the raw text a begun answer was split from: what a model goes on with after `prompt`.

    Templates of some models end the prompt inside the reasoning; the marker is not written twice.
    """
    if not reasoning:
        return text
    opened = "" if is_thinking(prompt) else OPEN
    return f"{opened}{reasoning}{CLOSE}{text}" if text else opened + reasoning


def is_thinking(prompt: str) -> bool:
    """Whether a prompt ends inside the reasoning of the answer to come."""
    return prompt.rstrip().endswith(OPEN)


def phase_after(prompt: str, text: str, reasoning: str) -> Phase:
    """Return where in its answer a model is that goes on after `prompt` and a begun answer."""
    if text:
        return "speaking"
    return "thinking" if reasoning or is_thinking(prompt) else "undecided"


def _overlap(text: str, marker: str) -> int:
    """Return how many characters at the end of `text` may begin `marker`."""
    longest = min(len(text), len(marker) - 1)
    return next((n for n in range(longest, 0, -1) if marker.startswith(text[-n:])), 0)


def _cut(text: str, at: int) -> tuple[str, str]:
    return text[:at], text[at:]
