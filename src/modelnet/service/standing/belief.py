"""What is believed of one model: how likely it is right, how sure that is, and how fast it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from modelnet.core.request import Operation
from modelnet.core.standing import NEVER_MEASURED, Speed, Tally
from modelnet.service.kind import TaskKind
from modelnet.service.spread import UNKNOWN, Latency, Spread
from modelnet.service.timing import STREAMED

PRIOR_ASKED = 2.0
"""What is expected of a model before anyone asked it counts as so many questions."""


class Estimate(NamedTuple):
    """A probability of a right answer: posterior mean, standard deviation, weight of evidence."""

    mean: float
    deviation: float
    asked: float
    """Questions the estimate rests on, discounted by source and age; 0 when only claims exist."""

    @classmethod
    def of(cls, evidence: Tally, p_prior: float) -> "Estimate":
        """Return the posterior of a rate of which `p_prior` was expected."""
        prior = p_prior * PRIOR_ASKED, PRIOR_ASKED
        return cls(evidence.mean(*prior), evidence.deviation(*prior), evidence.asked)


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one model of one node."""

    kinds: Mapping[str, Estimate]
    speed: Speed = NEVER_MEASURED
    calls_s: Mapping[Operation, float] = field(default_factory=dict[Operation, float])
    """Time of one answer to each operation whose answers are no streams of tokens."""
    spread: Spread = UNKNOWN
    """How far its answers stray from the time expected."""

    def expected_s(self, operation: Operation, max_tokens: int | None) -> float | None:
        """Return the time of an answer when no queue is ahead of it; `None`: never measured."""
        if operation in STREAMED:
            return self.speed.expected_s(max_tokens)
        return self.calls_s.get(operation)

    def latency(
        self, operation: Operation, max_tokens: int | None, wait_factor: float = 0.0
    ) -> Latency | None:
        """Return the time of an answer as a distribution, so many answers being ahead of it."""
        expected_s = self.expected_s(operation, max_tokens)
        return None if expected_s is None else self.spread.latency(expected_s * (1.0 + wait_factor))

    def probability(self, kind: TaskKind) -> Estimate:
        """Return the estimate for a task whose kind is uncertain: a mixture over the kinds."""
        mean = second_moment = asked = 0.0
        for name, p in kind.p.items():
            rate, deviation, questions = self.kinds[name]
            mean += p * rate
            second_moment += p * (deviation * deviation + rate * rate)
            asked += p * questions
        return Estimate(mean, math.sqrt(max(0.0, second_moment - mean**2)), asked)
