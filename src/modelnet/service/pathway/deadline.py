"""Choice under a deadline: who cannot be done in time comes after who can. Pure."""

from collections.abc import Sequence

from modelnet.service.analysis import TaskFeatures
from modelnet.service.candidate import surely_fits
from modelnet.service.routing import OWN_SPACE, Scored

_MARGIN = 0.02
_LEAST_MARGIN_S = 0.05


def tell_by(deadline: float, now: float) -> float:
    """Return when to tell the best answer there is: a little before the deadline. Unix seconds."""
    return deadline - max(_LEAST_MARGIN_S, _MARGIN * (deadline - now))


def in_time_first(
    ranked: Sequence[Scored], features: TaskFeatures, *, time_left_s: float, now: float
) -> tuple[Scored, ...]:
    """Return a ranking with those who make it before those who do not, each in its order.

    Who rests after failures, or may not hold the prompt, stays behind: late is better than wrong.
    Where answers mean something else with every model, time does not choose the model.
    """
    if features.operation in OWN_SPACE:
        return tuple(ranked)

    def place(scored: Scored) -> tuple[bool, bool, bool]:
        is_resting = scored.breaker.is_open(now)
        is_late = scored.latency_s is not None and scored.latency_s > time_left_s
        return is_resting, not surely_fits(scored.candidate.card, features), is_late

    return tuple(sorted(ranked, key=place))
