"""How far a rate may be from what was counted. Pure.

Whoever looks after every answer looks often, and an interval made for one look is wrong sooner or
later. The interval of `between` holds at all looks together (a mixture martingale: Robbins 1970;
Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences", 2021). Most of its stake lies on rates of about `1 / bet`, where it is tightest.
"""

import math
from collections.abc import Callable

_STEPS = 50
_STAKE = 0.8
"""What is bet on rates about `1 / bet`; the rest is bet on any rate."""


def between(wrong: int, of: int, *, alpha: float, bet: float) -> tuple[float, float]:
    """Return the least and the greatest rate that `wrong` out of `of` leave possible."""
    if not of:
        return 0.0, 1.0
    most = math.log(1.0 / alpha)
    seen = wrong / of

    def is_possible(rate: float) -> bool:
        return _evidence_against(rate, wrong, of, bet) < most

    lower = _edge(0.0, seen, is_possible) if wrong else 0.0
    return lower, _edge(1.0, seen, is_possible) if wrong < of else 1.0


def lower_share(count: int, of: int, *, z: float = 1.645) -> float:
    """Return the lower end of a share, with 95 % confidence in one look (Wilson 1927)."""
    if not of:
        return 0.0
    share, spread = count / of, z * z / of
    middle = share + spread / 2.0
    off = z * math.sqrt(share * (1.0 - share) / of + spread / (4.0 * of))
    return max(0.0, (middle - off) / (1.0 + spread))


def _evidence_against(rate: float, wrong: int, of: int, bet: float) -> float:
    """Return the logarithm of how much better the mixture explains what was seen than `rate`."""
    low = math.log(_STAKE) + _log_beta(1.0 + wrong, bet + of - wrong) - _log_beta(1.0, bet)
    any_rate = math.log(1.0 - _STAKE) + _log_beta(1.0 + wrong, 1.0 + of - wrong)
    mixture = max(low, any_rate) + math.log1p(math.exp(-abs(low - any_rate)))
    explained = wrong * math.log(rate) if wrong else 0.0
    if of > wrong:
        explained += (of - wrong) * math.log1p(-rate)
    return mixture - explained


def _edge(outside: float, inside: float, is_possible: Callable[[float], bool]) -> float:
    for _ in range(_STEPS):
        middle = (outside + inside) / 2.0
        if is_possible(middle):
            inside = middle
        else:
            outside = middle
    return outside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
