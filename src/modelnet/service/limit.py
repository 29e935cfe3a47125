"""Hard limits: who of a ranking keeps to them, and what to tell when nobody does. Pure.

Quality is the posterior mean: what is not known of a model's rate is part of how probable its next
answer is right, and who was never measured is held at its prior. Who was never timed is not known
to be late, and comes after those who are known to be in time. Whose price is not known is left out
where money is limited: time shows by asking, but what was paid is gone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from modelnet.core.error import LimitError
from modelnet.core.request import Operation
from modelnet.core.wish import Wish
from modelnet.service.pathway.purse import Purse
from modelnet.service.routing import OWN_SPACE, Scored
from modelnet.service.timing import STREAMED

Limit: TypeAlias = Literal["max_cost_usd", "max_latency_s", "min_quality"]

_LISTED_NAMES = 4


@dataclass(frozen=True, slots=True)
class Excluded:
    """A model that could answer, and the limits that it does not keep to."""

    scored: Scored
    limits: tuple[Limit, ...]

    @property
    def why(self) -> str:
        """What it would be instead, for a person."""
        told: dict[Limit, str] = {
            "max_cost_usd": _cost(self.scored),
            "max_latency_s": f"takes up to {_up(_seconds(self.scored)):g} s",
            "min_quality": f"is right with {_down(self.scored.quality.mean):g}",
        }
        return " and ".join(f"{told[limit]} ({limit})" for limit in self.limits)


class Kept(NamedTuple):
    """A ranking, cut by limits."""

    within: tuple[Scored, ...]
    excluded: tuple[Excluded, ...]


def keep(
    ranked: Sequence[Scored], limits: Wish, left_usd: float, operation: Operation = "chat"
) -> Kept:
    """Return who keeps to the limits, in order, and who does not; `left_usd` may be infinite."""
    if math.isinf(left_usd) and limits.max_latency_s is None and limits.min_quality is None:
        return Kept(tuple(ranked), ())
    broken = [(scored, _broken(scored, limits, left_usd, operation)) for scored in ranked]
    within = [scored for scored, limit in broken if not limit]
    if limits.max_latency_s is not None and operation not in OWN_SPACE:
        within.sort(key=lambda scored: scored.latency is None)
    return Kept(tuple(within), tuple(Excluded(*one) for one in broken if one[1]))


def nobody_keeps(excluded: Sequence[Excluded], limits: Wish, purse: Purse) -> LimitError:
    """Return the error that says which limit excludes whom, and what the nearest possible is."""
    told = [
        f"`{limit}` of {_told(limit, limits, purse)} excludes {_names(out)}: {_nearest(limit, out)}"
        for limit in ("max_cost_usd", "max_latency_s", "min_quality")
        if (out := [one for one in excluded if limit in one.limits])
    ]
    first = excluded[0].limits[0]
    return LimitError(
        f"Nobody able is within the limits; {'; '.join(told)}: change the limit, or ask for other "
        "models.",
        param=f"modelnet.{first}",
    )


def _broken(
    scored: Scored, limits: Wish, left_usd: float, operation: Operation
) -> tuple[Limit, ...]:
    latency, p_least = scored.latency, limits.min_quality
    is_late = limits.max_latency_s is not None and latency is not None
    broken: dict[Limit, bool] = {
        "max_cost_usd": scored.charge_usd > left_usd,
        "max_latency_s": is_late and _seconds(scored) > (limits.max_latency_s or 0.0),
        # Of vectors and tensors nobody judges whether they are right.
        "min_quality": p_least is not None
        and operation in STREAMED
        and scored.quality.mean < p_least,
    }
    return tuple(limit for limit, is_broken in broken.items() if is_broken)


def _nearest(limit: Limit, excluded: Sequence[Excluded]) -> str:
    """Say what the limit would have to be, first of those who keep to all the others."""
    alone = [one.scored for one in excluded if one.limits == (limit,)]
    scored = alone or [one.scored for one in excluded]
    match limit:
        case "max_cost_usd":
            nearest = min(scored, key=lambda one: one.charge_usd)
            return f"the cheapest able model, {_name(nearest)}, {_cost(nearest)}"
        case "max_latency_s":
            nearest = min(scored, key=_seconds)
            return f"the quickest, {_name(nearest)}, takes up to {_up(_seconds(nearest)):g} s"
        case "min_quality":
            nearest = max(scored, key=lambda one: one.quality.mean)
            return f"the best, {_name(nearest)}, is right with {_down(nearest.quality.mean):g}"


def _told(limit: Limit, limits: Wish, purse: Purse) -> str:
    value = getattr(limits, limit)
    if limit == "max_cost_usd" and purse.spent_usd:
        return f"{value:g}, of which {purse.spent_usd:.2g} is spent,"
    return f"{value:g}"


def _cost(scored: Scored) -> str:
    charged = scored.charge_usd
    return "does not tell its price" if math.isinf(charged) else f"may cost ${_up(charged):.2g}"


def _seconds(scored: Scored) -> float:
    return 0.0 if scored.latency is None else scored.latency.p95


def _up(value: float) -> float:
    """Return a number of two digits that, set as a limit, lets the value pass."""
    if not 0.0 < value < math.inf:
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    # As decimal: a multiple of a step has no exact binary form.
    return float(f"{math.ceil(value / step * (1.0 - 1e-12)) * step:.12g}")


def _down(p: float) -> float:
    return math.floor(p * 100.0 + 1e-9) / 100.0


def _name(scored: Scored) -> str:
    offer = scored.candidate
    return f"{offer.card.name} of {offer.node_name}" if offer.node_name else offer.card.name


def _names(excluded: Iterable[Excluded]) -> str:
    names = list(dict.fromkeys(one.scored.candidate.card.name for one in excluded))
    rest = len(names) - _LISTED_NAMES
    return ", ".join(names[:_LISTED_NAMES]) + (f" and {rest} more" if rest > 0 else "")
