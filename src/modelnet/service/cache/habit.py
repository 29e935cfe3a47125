"""Which request follows which, of one owner: what is likely to be asked next. Pure.

Only the same request again is foreseen, to the letter. That the next step is a template into which
this answer goes is a thing of its own, and not attempted.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from modelnet.core.identity import NodeId
from modelnet.core.task import Task
from modelnet.service.cache.bound import lower_share

LEAST_SHARE = 0.5
"""What comes next is asked beforehand where it does so more often than not, with 95 % confidence:
three times of three, five of six."""
GAP_S = 300.0
"""What comes later than that does not follow, it comes."""

_OWNERS = 256
_REQUESTS = 1024
_FOLLOWERS = 4
_MOST_BYTES = 4096
"""A longer request is not remembered: with these bounds all take some 20 MB at most."""


@dataclass(slots=True)
class _After:
    """What followed one request."""

    asked: int = 0
    """How often it was asked, the last time left out until it is known what followed."""
    followed: Counter[bytes] = field(default_factory=Counter[bytes])
    known: dict[bytes, "Foreseen"] = field(default_factory=dict[bytes, "Foreseen"])


class Foreseen(NamedTuple):
    """A request that is likely to come, and who answered it last."""

    task: Task
    speaker: tuple[NodeId, str]


class _Last(NamedTuple):
    exact: bytes
    at: float


class Habits:
    """Counts what follows what. Keys are hashes that hold the owner (`key_of`)."""

    def __init__(self) -> None:
        self._after: OrderedDict[bytes, _After] = OrderedDict()
        self._last: OrderedDict[str, _Last] = OrderedDict()

    def note(
        self, exact: bytes, task: Task, speaker: tuple[NodeId, str] | None, now: float
    ) -> None:
        """Take in that a task was asked, and answered by that model."""
        last = self._last.get(task.owner)
        before = None if last is None else self._after.get(last.exact)
        if last is not None and before is not None:
            # Only now is it known what followed that, or that nothing did.
            before.asked += 1
            if now - last.at <= GAP_S and last.exact != exact:
                _follow(before, exact, task, speaker)
        self._after.setdefault(exact, _After())
        self._after.move_to_end(exact)
        self._last[task.owner] = _Last(exact, now)
        self._last.move_to_end(task.owner)
        if len(self._after) > _REQUESTS:
            self._after.popitem(last=False)
        if len(self._last) > _OWNERS:
            self._last.popitem(last=False)

    def next(self, exact: bytes) -> Foreseen | None:
        """Return what most likely follows a request, where that is likely enough."""
        after = self._after.get(exact)
        if after is None or not after.known:
            return None
        best = max(after.known, key=lambda one: after.followed[one])
        is_likely = lower_share(after.followed[best], after.asked) >= LEAST_SHARE
        return after.known[best] if is_likely else None

    def forget(self) -> None:
        """Forget it all: which task taught what is not known."""
        self._after.clear()
        self._last.clear()


def _follow(after: _After, exact: bytes, task: Task, speaker: tuple[NodeId, str] | None) -> None:
    if speaker is None or len(msgspec.msgpack.encode(task.request)) > _MOST_BYTES:
        return
    after.followed[exact] += 1
    after.known[exact] = Foreseen(task, speaker)
    if len(after.known) > _FOLLOWERS:
        rarest = min(after.known, key=lambda one: (after.followed[one], one == exact))
        del after.known[rarest], after.followed[rarest]
