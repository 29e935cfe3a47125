"""The lines between in-memory nodes, and the script that cuts, freezes and crashes.

Like TCP under a network with leases: frames sent into a cut wait and arrive when it is healed in
time; a node silent for longer than the lease is given up, and so is whatever was on its way.
"""

import asyncio
from collections.abc import Iterable
from itertools import combinations
from random import Random
from typing import Protocol

import msgspec

from modelnet.core.identity import NodeId
from modelnet.transport.memory.inbox import Arrival, Departure, Inbox, Item, LeaseEnd
from modelnet.transport.memory.line import Line, LineProfile


class Member(Protocol):
    """What the hub knows of a network that joined."""

    @property
    def node(self) -> NodeId:
        """The node that joined."""
        ...

    @property
    def incarnation(self) -> str:
        """Tells it from the same node before a restart."""
        ...

    @property
    def inbox(self) -> Inbox:
        """Where to put what is sent to it."""
        ...

    def die(self) -> None:
        """Stop at once, without a goodbye."""
        ...


class _Cut(msgspec.Struct):
    number: int
    since_s: float
    held: list[tuple[NodeId, NodeId, Item]]
    """Sender, recipient and item of what waits for the cut to heal."""


class MemoryHub:
    """Where in-memory networks meet. Every method that scripts a fault takes effect at once."""

    def __init__(
        self,
        seed: int = 0,
        *,
        profile: LineProfile | None = None,
        lease_s: float = 2.0,
        reset_s: float = 0.005,
        reconnect_s: float = 0.5,
    ) -> None:
        """Make a hub.

        Args:
            seed: what jitter and loss are drawn from, for each line on its own.
            profile: how lines behave that `set_line` does not name; perfect when left out.
            lease_s: how long a silent node counts as here.
            reset_s: how long it takes to notice that a crashed node's connections broke.
            reconnect_s: how long it takes to find each other again after a healed cut.
        """
        self._seed = seed
        self._profile = profile or LineProfile()
        self._lease_s = lease_s
        self._reset_s = reset_s
        self._reconnect_s = reconnect_s
        self._members: dict[NodeId, Member] = {}
        self._lines: dict[tuple[NodeId, NodeId], Line] = {}
        self._cuts: dict[frozenset[NodeId], _Cut] = {}
        self._side: dict[NodeId, int] = {}
        self._frozen: set[NodeId] = set()
        self._count = 0

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        """The nodes that have joined."""
        return tuple(self._members)

    def set_line(self, a: NodeId, b: NodeId, profile: LineProfile) -> None:
        """Change how the lines between two nodes behave, in both directions."""
        self._line(a, b).profile = profile
        self._line(b, a).profile = profile

    def partition(self, *sides: Iterable[NodeId]) -> None:
        """Cut every line between these sides; nodes that are not named make one more side."""
        self._side = {node: side for side, nodes in enumerate(sides, 1) for node in nodes}
        self._recut()

    def heal(self) -> None:
        """Mend what `partition` cut."""
        self.partition()

    def freeze(self, node: NodeId) -> None:
        """Let a node fall silent and deaf, its connections open, as SIGSTOP does.

        What it computes on its own goes on, for it shares the process; nothing leaves it.
        """
        self._frozen.add(node)
        self._recut()

    def thaw(self, node: NodeId) -> None:
        """Let a frozen node go on: it finds out what it missed."""
        self._frozen.discard(node)
        self._recut()

    def crash(self, node: NodeId) -> None:
        """Kill a node: no goodbye, its connections break, its work stops."""
        member = self._members[node]
        self.detach(member, notice_s=self._reset_s)
        member.die()

    def next_incarnation(self) -> str:
        """Return a name for a newcomer that no other had."""
        self._count += 1
        return str(self._count)

    def attach(self, member: Member) -> None:
        """Let a network join and meet the others."""
        others = tuple(self._members.values())
        self._members[member.node] = member
        for other in others:
            if self._is_connected(member.node, other.node):
                self._cuts.pop(frozenset((member.node, other.node)), None)
            elif frozenset((member.node, other.node)) not in self._cuts:
                self._cut(member.node, other.node, since_s=float("-inf"))
            self._introduce(member, other)

    def detach(self, member: Member, *, notice_s: float = 0.0) -> None:
        """Let a network leave; the others notice after `notice_s`."""
        if self._members.get(member.node) is not member:
            return
        del self._members[member.node]
        for other in self.nodes:
            departure = Departure(member.node, member.incarnation)
            self.post(member.node, other, departure, extra_s=notice_s)

    def post(self, sender: NodeId, recipient: NodeId, item: Item, *, extra_s: float = 0.0) -> None:
        """Put something on the line between two nodes."""
        cut = self._cuts.get(frozenset((sender, recipient)))
        member = self._members.get(recipient)
        if cut is not None:
            cut.held.append((sender, recipient, item))
        elif member is not None:
            now_s = _now_s()
            member.inbox.add(self._line(sender, recipient).arrival_s(now_s + extra_s), item)

    def intercept(self, item: Item, recipient: NodeId) -> bool:
        """Whether a cut stops what has just reached its recipient; if so, it waits there."""
        cut = self._cuts.get(frozenset((item.sender, recipient)))
        if isinstance(item, LeaseEnd):
            return cut is None or cut.number != item.cut
        if cut is not None:
            cut.held.append((item.sender, recipient, item))
        return cut is not None

    def _line(self, sender: NodeId, recipient: NodeId) -> Line:
        line = self._lines.get((sender, recipient))
        if line is None:
            rng = Random(f"{self._seed}/{sender}/{recipient}")  # noqa: S311 - a simulation's dice
            line = self._lines[sender, recipient] = Line(self._profile, rng)
        return line

    def _is_connected(self, a: NodeId, b: NodeId) -> bool:
        is_same_side = self._side.get(a, 0) == self._side.get(b, 0)
        return is_same_side and a not in self._frozen and b not in self._frozen

    def _introduce(self, a: Member, b: Member, *, extra_s: float = 0.0) -> None:
        self.post(a.node, b.node, Arrival(a.node, a.incarnation), extra_s=extra_s)
        self.post(b.node, a.node, Arrival(b.node, b.incarnation), extra_s=extra_s)

    def _recut(self) -> None:
        for member in self._members.values():
            member.inbox.pause(is_paused=member.node in self._frozen)
        now_s = _now_s()
        for a, b in combinations(self._members, 2):
            is_cut = frozenset((a, b)) in self._cuts
            if self._is_connected(a, b) and is_cut:
                self._mend(a, b, now_s)
            elif not self._is_connected(a, b) and not is_cut:
                self._cut(a, b, since_s=now_s)

    def _cut(self, a: NodeId, b: NodeId, *, since_s: float) -> None:
        self._count += 1
        self._cuts[frozenset((a, b))] = _Cut(self._count, since_s, [])
        for silent, other in ((a, b), (b, a)):
            end = LeaseEnd(silent, self._members[silent].incarnation, self._count)
            self._members[other].inbox.add(since_s + self._lease_s, end)

    def _mend(self, a: NodeId, b: NodeId, now_s: float) -> None:
        cut = self._cuts.pop(frozenset((a, b)))
        if now_s - cut.since_s < self._lease_s:
            for sender, recipient, item in cut.held:
                self.post(sender, recipient, item)
            return
        one, two = self._members[a], self._members[b]
        self.post(a, b, Departure(a, one.incarnation))
        self.post(b, a, Departure(b, two.incarnation))
        self._introduce(one, two, extra_s=self._reconnect_s)


def _now_s() -> float:
    # Not anyio's: frames are also posted from callbacks of the loop, outside of any task.
    return asyncio.get_running_loop().time()
