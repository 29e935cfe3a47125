"""What a pathway costs before it starts: calls, dollars and seconds, as far as they are known."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelnet.service.routing import Scored


@dataclass(frozen=True, slots=True)
class Quote:
    """What a pathway costs at most when nothing fails; a takeover or a hedge comes on top."""

    calls: int = 0
    cost_usd: float = 0.0
    latency_s: float = 0.0
    """Of a model whose speed is not known: nothing."""


def in_turn(members: Sequence[Scored]) -> Quote:
    """Return what it costs to ask one after another."""
    return Quote(len(members), _cost_usd(members), sum(m.latency_s or 0.0 for m in members))


def at_once(members: Sequence[Scored]) -> Quote:
    """Return what it costs to ask all at the same time."""
    slowest_s = max((m.latency_s or 0.0 for m in members), default=0.0)
    return Quote(len(members), _cost_usd(members), slowest_s)


def _cost_usd(members: Sequence[Scored]) -> float:
    return sum(member.cost_usd for member in members)
