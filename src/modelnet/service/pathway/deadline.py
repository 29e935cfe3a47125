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

    To make it is to make it 19 times in 20; who only usually does comes next. Who rests after
    failures, or may not hold the prompt, stays behind: late is better than wrong.
    Where answers mean something else with every model, time does not choose the model.
    """
    if features.operation in OWN_SPACE:
        return tuple(ranked)

    def place(scored: Scored) -> tuple[bool, bool, int]:
        is_resting = scored.breaker.is_open(now)
        return (
            is_resting,
            not surely_fits(scored.candidate.card, features),
            _lateness(scored, time_left_s),
        )

    return tuple(sorted(ranked, key=place))


def _lateness(scored: Scored, time_left_s: float) -> int:
    """Return 0 for who makes it, or was never timed, 1 for who may be late, 2 for who will."""
    latency = scored.latency
    if latency is None or latency.p95 <= time_left_s:
        return 0
    return 1 if latency.p50 <= time_left_s else 2
