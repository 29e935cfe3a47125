"""Which pathway answers a task that asked for none: one model, unless more is surely better. Pure.

"Do no harm": a pathway is chosen only where the lower bound of what it gains over the best single
model, its price already taken off, is above zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelnet.service.pathway.prospect import Prospect
from modelnet.service.routing import Scored
from modelnet.service.selection import SINGLE


@dataclass(frozen=True, slots=True)
class Plan:
    """The strategy to run, and why."""

    strategy: str = SINGLE
    because: str = ""
    """In words, where there was a choice."""
    prospects: tuple[Prospect, ...] = ()
    """Of all that could have been run, what each is expected to do."""

    @property
    def chosen(self) -> Prospect | None:
        """What is expected of the strategy that runs, where that can be told."""
        return next((one for one in self.prospects if one.strategy == self.strategy), None)


def plan(ranked: Sequence[Scored], prospects: Sequence[Prospect] = (), *, now: float) -> Plan:
    """Return how to answer: the prospect of the highest lower bound where that is above zero.

    `ranked` is who could be asked, best first; `now` is Unix seconds.
    """
    if len(ranked) < 2 or ranked[0].breaker.is_open(now):
        return Plan()
    told = tuple(prospects)
    best = max(told, key=lambda prospect: prospect.lower_bound, default=None)
    if best is not None and best.lower_bound > 0.0:
        return Plan(best.strategy, _gain_of(best), told)
    hoped = max((one for one in told if one.strategy != SINGLE), key=_gain, default=None)
    if hoped is None:
        return Plan(prospects=told)
    return Plan(
        SINGLE, f"no pathway surely gains over the best single model: {_no_gain(hoped)}", told
    )


def _gain(prospect: Prospect) -> float:
    return prospect.gain


def _gain_of(prospect: Prospect) -> str:
    return (
        f"{prospect.strategy}: worth {prospect.gain:.3f} more than the best single model, "
        f"{prospect.lower_bound:.3f} at least"
    )


def _no_gain(hoped: Prospect) -> str:
    if hoped.gain <= 0.0:
        return f"{hoped.strategy} is expected to lose {-hoped.gain:.3f}"
    if hoped.deviation is None:
        return f"{hoped.strategy} may gain {hoped.gain:.3f}, which is too little to be sure of"
    return f"{hoped.strategy} may gain {hoped.gain:.3f}, but also lose {-hoped.lower_bound:.3f}"
