"""Which messages were already taken: remembers ids, never more than it may, and never forgets one.

Ids fall out of memory when they are old or when there are too many. What fell out leaves a floor: a
time of sending at and below which everything is refused. So a message is never taken twice, however
many there are and whichever way a clock is set. A flood of one sender raises only that sender's
floor; a flood of invented senders raises the floor of those not heard of lately, to no more than
the time at which the quietest of the remembered senders last spoke.
"""

from itertools import islice

from modelnet.core.identity import NodeId, RequestId


class _Sender:
    """The ids of one sender in order of arrival, and the times at which they were sent."""

    __slots__ = ("floor", "newest", "sent_at")

    def __init__(self, floor: float) -> None:
        self.floor = floor
        self.newest = floor
        self.sent_at: dict[RequestId, float] = {}

    def has_taken(self, id: RequestId, sent_at: float) -> bool:
        return sent_at <= self.floor or id in self.sent_at

    def take(self, id: RequestId, sent_at: float) -> None:
        self.sent_at[id] = sent_at
        self.newest = max(self.newest, sent_at)

    def forget_before(self, time: float) -> int:
        """Forget the first ids while they are older than `time`; return how many."""
        expired: list[RequestId] = []
        for request, sent_at in self.sent_at.items():
            if sent_at >= time:
                break
            expired.append(request)
        return self._forget(expired)

    def forget_first(self, count: int) -> int:
        """Forget the ids that came first; return how many."""
        return self._forget(list(islice(self.sent_at, count)))

    def _forget(self, ids: list[RequestId]) -> int:
        for request in ids:
            self.floor = max(self.floor, self.sent_at.pop(request))
        return len(ids)


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
        known = self._senders.get(sender)
        if sent_at <= self._floor if known is None else known.has_taken(id, sent_at):
            return False
        seen = known or self._senders.setdefault(sender, _Sender(self._floor))
        self._ids -= seen.forget_before(now - self._horizon_s)
        seen.take(id, sent_at)
        self._ids += 1
        if len(self._senders) > self._senders_max:
            self._forget_quietest()
        if self._ids > self._ids_max:
            self._shrink_largest()
        return True

    def _forget_quietest(self) -> None:
        """Make room for a sender: it may be the newcomer itself who goes, should its time be old.

        So the floor never passes the time of a node whose clock is right, whatever the others say.
        """
        quietest = min(self._senders, key=lambda node: self._senders[node].newest)
        gone = self._senders.pop(quietest)
        self._ids -= len(gone.sent_at)
        self._floor = max(self._floor, gone.newest)

    def _shrink_largest(self) -> None:
        """Halve the memory of whoever fills it: rare, and the honest lose nothing."""
        largest = max(self._senders.values(), key=lambda seen: len(seen.sent_at))
        self._ids -= largest.forget_first((len(largest.sent_at) + 1) // 2)
