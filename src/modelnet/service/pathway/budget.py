"""Several models for one answer on a budget: who is left out, how much each may spend. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from modelnet.service.routing import Scored

Choose: TypeAlias = Callable[[Sequence[Scored]], tuple[Scored, ...]]
"""Picks who answers together from those who could be asked, best first."""


def affordable(
    ranked: Sequence[Scored], choose: Choose, left_usd: float, *, chief: Literal["first", "last"]
) -> tuple[Scored, ...]:
    """Return who answers together, such that all of them cost no more than is left.

    The dearest but the chief, without whom it would be another pathway, makes way for whoever is
    picked without it; at last the chief is alone.
    """
    left = list(ranked)
    while True:
        members = choose(left)
        if (
            len(members) < 2
            or math.fsum(m.charge_usd for m in members) <= left_usd
            or math.isinf(left_usd)
        ):
            return members
        others = members[1:] if chief == "first" else members[:-1]
        dearest = max(others, key=lambda m: m.charge_usd)
        left = [scored for scored in left if scored is not dearest]


def share_usd(member: Scored, members: Sequence[Scored], left_usd: float) -> float:
    """Return what one of several asked at once may spend: as much more than expected as the rest.

    Together they may spend what is left, to the cent.
    """
    expected_usd = sum(m.charge_usd for m in members)
    if math.isinf(left_usd) or not 0.0 < expected_usd < math.inf:
        return left_usd
    return left_usd * member.charge_usd / expected_usd


def reserve_usd(later: Sequence[Scored], left_usd: float) -> float:
    """Return what the first of several asked in turn may spend: what the later do not need."""
    return max(0.0, left_usd - sum(m.charge_usd for m in later))
