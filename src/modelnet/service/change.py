"""Change detection: has a model become worse, or better, than it was measured to be? Pure.

Two cumulative sums (Page, "Continuous Inspection Schemes", 1954) of log-likelihood ratios, one for
each direction, of every answer being right or wrong. They are *relative*, as in the charts of
surgeons whose patients differ (Steiner and others, "Monitoring surgical performance using
risk-adjusted cumulative sum charts", 2000): an answer is held against the rate believed of this
model on this kind of task just before it came, and the alternative is that its odds are
`ODDS_RATIO` times lower, or higher. So a hard task that was likely to fail says little when it
fails, and a mix of easy and hard kinds is no change.

`THRESHOLD` was chosen by simulation (the tests repeat it): a model that does not change is
suspected once in 1,000 answers or more. The worst case, a rate of .5 learnt from 12 questions,
gives 1,150; a rate of .9 learnt from 400 gives 3,200. A fall from .9 to .6 is found after 19
answers where the rate rests on 400 questions, after 23 where on 100, and after 44 where on two
dozen: then the belief itself follows the answers meanwhile.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally

ODDS_RATIO = 4.0
"""The change that is found soonest; from .9 to .6 the odds fall to a sixth."""
THRESHOLD = 5.7
"""Of the sum of log-likelihood ratios."""

_SURE = 0.98
"""No rate is believed to be nearer to 0 or 1: one slip of a model never wrong is no change."""
_SHARES_KEPT = tuple(step / 20 for step in range(21))

Direction = Literal["worse", "better"]


class Change(NamedTuple):
    """A model is no longer what it was measured to be."""

    node: NodeId
    model: str
    direction: Direction
    before: float
    """Share of right answers until then."""
    since: float
    """Share of right answers since."""
    answers: float
    """Since then, discounted as the verdicts on them were."""
    kept: float
    """How much of the older evidence still counts, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Sum:
    """One direction: the sum now, and what was seen since it was last zero (Page's estimate)."""

    total: float = 0.0
    since: float = math.inf
    """When it last was zero: if there is a change it came then. Unix seconds."""
    seen: Mapping[str, Tally] = field(default_factory=dict[str, Tally])
    """Answers since then, a kind at a time."""

    def after(self, ratio: float, seen: Mapping[str, Tally], at: float) -> "Sum":
        """Return the sum after answers that together have this log-likelihood ratio."""
        total = self.total + ratio
        if total <= 0.0:
            return NOTHING
        pooled = {kind: self.seen.get(kind, Tally()) + tally for kind, tally in seen.items()}
        return Sum(total, min(self.since, at), {**self.seen, **pooled})


NOTHING = Sum()


@dataclass(frozen=True, slots=True)
class Cusum:
    """Both directions of one model, over all its kinds."""

    worse: Sum = NOTHING
    better: Sum = NOTHING

    def after(self, p_believed: float, seen: Mapping[str, Tally], at: float) -> "Cusum":
        """Return the sums after answers to tasks of which so many were believed to come right."""
        pooled = sum(seen.values(), Tally())
        return Cusum(
            self.worse.after(_log_ratio(pooled, p_believed, 1.0 / ODDS_RATIO), seen, at),
            self.better.after(_log_ratio(pooled, p_believed, ODDS_RATIO), seen, at),
        )

    @property
    def suspicion(self) -> tuple[Direction, Sum] | None:
        """The direction of a change and what was seen since; `None` while all is as believed."""
        if max(self.worse.total, self.better.total) <= THRESHOLD:
            return None
        is_worse = self.worse.total >= self.better.total
        return ("worse", self.worse) if is_worse else ("better", self.better)


STEADY = Cusum()


def share_kept(old: Mapping[str, Tally], new: Mapping[str, Tally]) -> float:
    """Return how much of the old evidence the new supports, 0 to 1, one share for all kinds.

    A power prior whose exponent makes the new answers likeliest (Ibrahim and Chen 2000; chosen so,
    Gravestock and Held 2017).
    """

    def likelihood(share: float) -> float:
        return sum(_log_marginal(new[kind], old.get(kind, Tally()).weighted(share)) for kind in new)

    return max(_SHARES_KEPT, key=likelihood)


def _log_ratio(seen: Tally, p_believed: float, odds_ratio: float) -> float:
    """Return how much likelier the answers are where the odds of a right one are so many times."""
    p = min(_SURE, max(1.0 - _SURE, p_believed))
    odds = p / (1.0 - p) * odds_ratio
    changed = odds / (1.0 + odds)
    wrong = seen.asked - seen.right
    return seen.right * math.log(changed / p) + wrong * math.log((1.0 - changed) / (1.0 - p))


def _log_marginal(new: Tally, known: Tally) -> float:
    """Return the log-probability of answers under a Beta posterior from a uniform prior."""
    a, b = known.right + 1.0, known.asked - known.right + 1.0
    return log_beta(a + new.right, b + new.asked - new.right) - log_beta(a, b)


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the Beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
