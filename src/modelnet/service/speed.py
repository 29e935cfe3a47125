"""What is believed of the speed of a model: own measurements, else a median of reports. Pure."""

import statistics
from collections.abc import Callable, Sequence

import msgspec

from modelnet.core.standing import NEVER_MEASURED, Speed, Standing
from modelnet.service.timing import Timing

_EWMA_WEIGHT = 0.2


def speed_of(timing: Timing, tokens: float) -> Speed:
    """Return the speed of one answer of so many tokens."""
    return Speed(
        latency_s=timing.latency_s,
        tokens_per_answer=tokens,
        first_token_s=timing.first_token_s,
        tokens_per_s=timing.tokens_per_s,
    )


def speed_in(standing: Standing) -> Speed:
    """Return the speed a standing tells of; nothing where no question was answered."""
    if standing.latency_s <= 0.0:
        return NEVER_MEASURED
    return Speed(
        latency_s=standing.latency_s,
        tokens_per_answer=standing.tokens_per_answer,
        first_token_s=standing.first_token_s,
        tokens_per_s=standing.tokens_per_s or None,
    )


def blended(known: Speed, seen: Speed) -> Speed:
    """Return the speed after something was seen; what was not seen stays as it was."""
    return _joined(_newer, known, seen)


def own_or_median(own: Speed, reported: Sequence[Speed]) -> Speed:
    """Return one's own figures, and the median of the reports where there are none."""
    return _joined(_own_or_median, own, *reported)


def smoothed(known: float | None, seen: float) -> float:
    """Return a moving average after something more was seen."""
    return seen if known is None else known + _EWMA_WEIGHT * (seen - known)


def _newer(known: float | None, seen: float | None) -> float | None:
    return known if seen is None else smoothed(known, seen)


def _own_or_median(own: float | None, *reported: float | None) -> float | None:
    known = [number for number in reported if number is not None]
    return statistics.median(known) if own is None and known else own


def _joined(join: Callable[..., float | None], *speeds: Speed) -> Speed:
    """Return the speed each figure of which is joined of the same figure of all these."""
    figures = zip(*map(msgspec.structs.astuple, speeds), strict=True)
    return Speed(**dict(zip(Speed.__struct_fields__, (join(*one) for one in figures), strict=True)))
