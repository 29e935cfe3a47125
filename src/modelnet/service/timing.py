"""How fast one answer came, as whoever asked has seen it. Pure: `now` is an argument.

What a model or its node says of its own speed is never read; only clocks of those who ask count.
"""

from dataclasses import dataclass

from modelnet.core.request import Operation

STREAMED: frozenset[Operation] = frozenset({"chat", "complete"})
"""Operations whose answers come token by token; all others are answered by one chunk."""

_LEAST_TOKENS = 4
"""After the first piece: of fewer no rate can be told."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One answer: seconds since it was asked for, and the rate of its tokens."""

    latency_s: float
    first_token_s: float
    tokens_per_s: float | None = None
    """Of what came after the first piece; `None` where that was too little to tell."""

    def without_wait(self, wait_factor: float) -> "Timing":
        """Return what it would have been with nobody ahead in the queue.

        `wait_factor` says how many whole answers were ahead; they came before the first token.
        """
        alone_s = self.latency_s / (1.0 + wait_factor)
        first_s = max(0.0, self.first_token_s - (self.latency_s - alone_s))
        return Timing(alone_s, first_s, self.tokens_per_s)


class Stopwatch:
    """Follows one answer as it comes."""

    def __init__(self, began: float) -> None:
        """Start at the moment the answer was asked for."""
        self._began = began
        self._first_at: float | None = None
        self._first_tokens = 0
        self._last_at = began
        self._last_tokens = 0

    def note(self, tokens: int, now: float) -> None:
        """Note how many tokens have come by now, counted by whoever asked."""
        if tokens <= self._last_tokens:
            return
        if self._first_at is None:
            self._first_at, self._first_tokens = now, tokens
        self._last_at, self._last_tokens = now, tokens

    def timing(self, now: float) -> Timing:
        """Return how fast the answer was that ends now."""
        first_at = now if self._first_at is None else self._first_at
        after_first = self._last_tokens - self._first_tokens
        span_s = self._last_at - first_at
        has_rate = after_first >= _LEAST_TOKENS and span_s > 0.0
        return Timing(
            now - self._began, first_at - self._began, after_first / span_s if has_rate else None
        )
