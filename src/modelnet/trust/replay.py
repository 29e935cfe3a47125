"""Which messages were already taken: remembers ids, never more than it may, and never forgets one.

Ids fall out of memory when they are old or when there are too many. What fell out leaves a floor: a
time of sending at and below which everything is refused. So a message is never taken twice, however
many there are and whichever way a clock is set. A flood of one sender raises only that sender's
floor. A flood of invented senders raises the floor of those not heard of lately, but never past the
present: a message just sent gets through unless it is overtaken.
"""

from collections import OrderedDict
from heapq import nsmallest

from modelnet.core.identity import NodeId, RequestId


class _Sender:
    """The ids of one sender in order of arrival, and the times at which they were sent."""

    __slots__ = ("floor", "newest", "sent_at")

    def __init__(self, floor: float) -> None:
        self.floor = floor
        self.newest = floor
        # A plain dict would search through all it has ever forgotten to find its first entry.
        self.sent_at: OrderedDict[RequestId, float] = OrderedDict()

    def has_taken(self, id: RequestId, sent_at: float) -> bool:
        return sent_at <= self.floor or id in self.sent_at

    def take(self, id: RequestId, sent_at: float) -> None:
        self.sent_at[id] = sent_at
        self.newest = max(self.newest, sent_at)

    def forget_before(self, time: float) -> int:
        """Forget the first ids while they are older than `time`; return how many."""
        before = len(self.sent_at)
        while self.sent_at and next(iter(self.sent_at.values())) < time:
            self._forget_first()
        return before - len(self.sent_at)

    def forget_half(self) -> int:
        """Forget the half of the ids that came first; return how many."""
        half = (len(self.sent_at) + 1) // 2
        for _ in range(half):
            self._forget_first()
        return half

    def _forget_first(self) -> None:
        self.floor = max(self.floor, self.sent_at.popitem(last=False)[1])


class ReplayWindow:
    """The ids taken of late, by sender."""

    def __init__(
        self, *, horizon_s: float, ids_max: int = 65_536, senders_max: int = 1_024
    ) -> None:
        """Remember ids for `horizon_s` after they were sent, within two bounds on memory."""
        self._horizon_s = horizon_s
        self._ids_max = ids_max
        self._senders_max = senders_max
        self._senders: dict[NodeId, _Sender] = {}
        self._ids = 0
        self._floor = float("-inf")

    def __len__(self) -> int:
        """How many ids are remembered."""
        return self._ids

    def take(self, sender: NodeId, id: RequestId, *, sent_at: float, now: float) -> bool:
        """Take a message unless it was, or may have been, taken before; say whether it was new."""
        seen = self._senders.get(sender)
        if sent_at <= self._floor if seen is None else seen.has_taken(id, sent_at):
            return False
        if seen is None:
            if not self._has_room(now):
                return self._take_unremembered(sent_at, now)
            seen = self._senders.setdefault(sender, _Sender(self._floor))
        self._ids -= seen.forget_before(now - self._horizon_s)
        seen.take(id, sent_at)
        self._ids += 1
        if self._ids > self._ids_max:
            largest = max(self._senders.values(), key=lambda other: len(other.sent_at))
            self._ids -= largest.forget_half()
        return True

    def _has_room(self, now: float) -> bool:
        """Make room for one more sender, except at the cost of those whose time is yet to come."""
        if len(self._senders) >= self._senders_max:
            count = max(1, self._senders_max // 8)
            quiet = nsmallest(count, self._senders.items(), key=lambda item: item[1].newest)
            for node, seen in quiet:
                if seen.newest <= now:
                    self._floor = max(self._floor, seen.newest)
                    self._ids -= len(self._senders.pop(node).sent_at)
        return len(self._senders) < self._senders_max

    def _take_unremembered(self, sent_at: float, now: float) -> bool:
        """Take the message of a sender for whom there is no room: the floor alone remembers it."""
        if sent_at > now:
            return False
        self._floor = sent_at
        return True
