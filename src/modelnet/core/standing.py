"""What was measured of a model: right answers out of questions asked, and how fast they came."""

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


class Speed(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How fast a model answers those who ask, no queue ahead of them; `None`: never measured."""

    latency_s: float | None = None
    """Time of a whole answer."""
    tokens_per_answer: float | None = None
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    """Of the tokens after the first."""

    def expected_s(self, max_tokens: int | None) -> float | None:
        """Return the time an answer of at most so many tokens should take."""
        first_s, rate, tokens = self.first_token_s, self.tokens_per_s, self.tokens_per_answer
        if first_s is None or tokens is None or not rate:
            return self.latency_s
        after_first = min(tokens, math.inf if max_tokens is None else max_tokens) - 1.0
        return first_s + max(0.0, after_first) / rate


NEVER_MEASURED = Speed()


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
    first_token_s: float | None = None
    """Median time to the first token; nodes of before do not tell it."""
    tokens_per_s: float | None = None
    """Median rate of the tokens after it; none where the answers were too short to tell."""
