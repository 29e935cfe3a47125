"""The Witness seam: what else is known of models on this very question, beside their standing.

A kind of task is a coarse thing. A witness has seen verdicts on answers to questions like the one
asked, and tells of each candidate how many were right. Witnesses are heard one after another, from
the widest view to the nearest: what is believed so far is the prior of what the next one saw.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from modelnet.core.identity import RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.outcome import Outcome
from modelnet.service.standing import Estimate
from modelnet.service.standing.belief import PRIOR_ASKED

_PRIOR = 8.0
"""What is believed of a model before a witness is heard is worth so many of its verdicts."""


class Witness(Protocol):
    """Has seen answers to other questions, and tells which of them bear on this one."""

    @property
    def saw(self) -> str:
        """What it counts, after a number, for a person: `verdicts near this question`."""
        ...

    @property
    def is_claim(self) -> bool:
        """Whether it tells of what a model claims to be, and not of what it did here."""
        ...

    def evidence(
        self, features: TaskFeatures, offers: Sequence[Offer], now: float, /
    ) -> Sequence[Tally]:
        """Return a tally an offer, empty where nothing bears on it; `now` is Unix seconds."""
        ...

    def learn(self, outcome: Outcome, /) -> None:
        """Take in a verdict: an outcome whose `p_right` is not `None`."""
        ...

    def doubt(self, change: Change, /) -> None:
        """Let what is older than a model's change count less."""
        ...

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget verdicts, all or those that fit."""
        ...


def joined(known: Estimate, seen: Tally, *, is_claim: bool = False) -> Estimate:
    """Return what to expect of a model: what was believed of it, and what a witness saw.

    The posterior mean of a Beta prior worth `_PRIOR` verdicts, beside a claim of all questions that
    the model was asked; what was believed before loses its own uncertainty as it loses its say.
    """
    if seen.asked <= 0.0:
        return known
    worth = known.asked + PRIOR_ASKED if is_claim else _PRIOR
    mean = seen.mean(known.mean * worth, worth)
    share = seen.asked / (seen.asked + worth)
    own = share**2 * mean * (1.0 - mean) / (seen.asked + 1.0)
    deviation = math.sqrt(max(0.0, ((1.0 - share) * known.deviation) ** 2 + own))
    return known._replace(mean=mean, deviation=deviation)
