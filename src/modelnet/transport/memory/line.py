"""How long what is sent takes to arrive: delay, jitter, and losses that a line makes good late."""

from random import Random

import msgspec


class LineProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How a line behaves. Like TCP it never reorders: a lost frame holds back those behind it."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Added to the delay, uniformly drawn between 0 and this."""
    p_loss: float = 0.0
    """The probability that a frame is lost and must be sent again."""
    retransmit_s: float = 0.2
    """How long it takes to notice a loss."""


class Line:
    """One direction between two nodes."""

    def __init__(self, profile: LineProfile, rng: Random) -> None:
        self.profile = profile
        self._rng = rng
        self._last_arrival_s = 0.0

    def arrival_s(self, now_s: float) -> float:
        """Return when what is sent now arrives, never before what was sent earlier."""
        profile = self.profile
        travel_s = profile.delay_s + profile.jitter_s * self._rng.random()
        while self._rng.random() < profile.p_loss:
            travel_s += profile.retransmit_s
        self._last_arrival_s = max(self._last_arrival_s, now_s + travel_s)
        return self._last_arrival_s
