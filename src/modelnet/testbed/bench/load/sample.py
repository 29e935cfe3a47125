"""One question and what became of it, in simulated or real seconds."""

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One question and what became of it."""

    asked_at_s: float
    took_s: float
    alone_s: float = 0.0
    """What its answer takes at the node that gave it when nobody else asks, where known."""
    server: int | None = None
    """Who answered; nobody, where the question failed or was answered too late."""

    @property
    def ended_at_s(self) -> float:
        """When the answer was whole, or given up."""
        return self.asked_at_s + self.took_s
