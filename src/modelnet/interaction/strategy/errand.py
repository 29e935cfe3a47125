"""A task as a strategy gets it: what is asked, what was read in it, and whom it may ask."""

import math
from dataclasses import dataclass, field

from modelnet.core.task import Task
from modelnet.service.analysis import TaskFeatures
from modelnet.service.pathway.outlook import PROSE, Outlook
from modelnet.service.pathway.purse import Purse
from modelnet.service.preference import BALANCED, Preference
from modelnet.service.routing import Scored
from modelnet.service.terms import FREE, Terms

_FRESH_S = 0.01
"""A ranking that young need not be made again: nothing was answered since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One task, and the models that may be asked."""

    task: Task
    features: TaskFeatures
    names: tuple[str, ...]
    """The models it may ask, as `service.selection.select` reads them."""
    preference: Preference = BALANCED
    """What counts by the terms for the first of the names."""
    terms: Terms = FREE
    """Limits that whoever is asked keeps to, and weights."""
    purse: Purse = field(default_factory=Purse)
    """What the whole task may spend, whoever is asked for it and whatever name is tried next."""
    outlook: Outlook = PROSE
    """How answers will be told apart, where that was looked at."""
    least_gain: float = 0.0
    """A pathway that cannot be expected to gain so much need not be thought through."""
    ranked: tuple[Scored, ...] = ()
    """Who could be asked, best first, when the pathway was chosen."""
    ranked_at: float = -math.inf
    """When that was, in Unix seconds."""

    def fresh(self, now: float) -> tuple[Scored, ...]:
        """Return the ranking by which the pathway was chosen, while it holds."""
        has_spent = self.purse.spent_usd > 0.0
        return self.ranked if now - self.ranked_at <= _FRESH_S and not has_spent else ()

    def time_left_s(self, now: float) -> float:
        """Return how long an answer may take."""
        return min(self.task.deadline - now, self.terms.limits.max_latency_s or math.inf)
