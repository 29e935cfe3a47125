"""What was measured of a model: right answers out of questions asked, a skill at a time."""

import math

import msgspec

from modelnet.core.identity import NodeId


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """Right answers among those checked; fractions appear where reports are discounted."""

    right: float = 0.0
    asked: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Pool two tallies."""
        return Tally(self.right + other.right, self.asked + other.asked)

    def weighted(self, weight: float) -> "Tally":
        """Return the tally as if it had been `weight` times as long."""
        return Tally(self.right * weight, self.asked * weight)

    def mean(self, prior_right: float = 1.0, prior_asked: float = 2.0) -> float:
        """Posterior mean of the probability of a right answer under a Beta prior."""
        return (self.right + prior_right) / (self.asked + prior_asked)

    def deviation(self, prior_right: float = 1.0, prior_asked: float = 2.0) -> float:
        """Posterior standard deviation under the same Beta prior."""
        p = self.mean(prior_right, prior_asked)
        return math.sqrt(p * (1.0 - p) / (self.asked + prior_asked + 1.0))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One examiner's measurement of one model of one node."""

    examiner: NodeId
    node: NodeId
    model: str
    skills: dict[str, Tally]
    latency_s: float
    """Median time of a whole answer in the exam, network included."""
    tokens_per_answer: float
    measured_at: float
    """Unix seconds."""
