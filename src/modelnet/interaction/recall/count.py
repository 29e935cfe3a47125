"""What became of the questions that could have been answered from the cache."""

from dataclasses import dataclass

import msgspec

from modelnet.service.cache.trial import Trust


@dataclass(slots=True)
class Counts:
    """Since the node started."""

    asked: int = 0
    """Questions whose answers may be kept."""
    exact: int = 0
    """Answered from the same question."""
    near: int = 0
    """Answered from a question near by."""
    waited: int = 0
    """Waited for an equal question under way."""
    fetched: int = 0
    """Whole answers asked for beforehand."""
    fetched_used: int = 0
    """Of these, how many somebody then wanted."""
    given_up: int = 0
    """Asked for beforehand, and given up as something else was wanted, or as nobody answered."""


class RecallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the cache does: what `GET /modelnet/v1/cache` tells."""

    mode: str = "off"
    """`off`, `exact` or `near`."""
    entries: int = 0
    size_bytes: int = 0
    for_s: float = 0.0
    asked: int = 0
    exact: int = 0
    near: int = 0
    waited: int = 0
    trust: Trust | None = None
    """How far nearness is trusted; nothing where only the same question counts."""
    prefetch: bool = False
    fetched: int = 0
    fetched_used: int = 0
    given_up: int = 0
