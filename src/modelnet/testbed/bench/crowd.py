"""Many nodes, each a process, and what each of them says it sees."""

import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio.abc import TaskGroup

from modelnet.application.demo.process import ChildProcess, Fleet
from modelnet.core.error import DeadlineError
from modelnet.core.identity import NodeId
from modelnet.testbed.member import Ready, Sight


class Member:
    """A node of the crowd, as seen from here."""

    def __init__(self, child: ChildProcess, ready: Ready) -> None:
        self.child = child
        self.ready = ready
        self.known: dict[NodeId, float] = {}
        """When it learned of the nodes it knows now."""
        self.lost: dict[NodeId, float] = {}
        """When it lost those it does not know any more."""

    @property
    def node(self) -> NodeId:
        """Its id."""
        return self.ready.node

    def take(self, sight: Sight) -> None:
        """Note what it says."""
        for node in sight.joined:
            self.known[node] = sight.at_s
            self.lost.pop(node, None)
        for node in sight.left:
            self.known.pop(node, None)
            self.lost[node] = sight.at_s


class Crowd:
    """Starts members, hears them, and waits for what they should see."""

    def __init__(self, fleet: Fleet, home: Path, network: str, listeners: TaskGroup) -> None:
        self._fleet = fleet
        self._home = home
        self._network = network
        self._listeners = listeners
        self._news = anyio.Event()
        self.members: list[Member] = []

    async def start(
        self, name: str, *, prefix: Sequence[str] = (), settings: dict[str, Any] | None = None
    ) -> Member:
        """Start a member and return it when it is ready; `prefix` goes before its command.

        Raises:
            SetupError: it could not start.
        """
        told = {
            "name": name,
            "network": self._network,
            "multicast": False,
            "exams": False,
            "data_dir": str(self._home / name),
            **(settings or {}),
        }
        argument = msgspec.json.encode(told).decode()
        command = [*prefix, sys.executable, "-m", "modelnet.testbed.member", argument]
        child = await self._fleet.start(name, command)
        member = Member(child, msgspec.json.decode(await child.first_line(), type=Ready))
        self.members.append(member)
        self._listeners.start_soon(self._listen, member)
        return member

    async def start_many(
        self, names: Sequence[str], *, at_once: int, settings: dict[str, Any]
    ) -> None:
        """Start members alike, not all at once: every start takes half a second of a core."""
        limiter = anyio.CapacityLimiter(at_once)

        async def start(name: str) -> None:
            async with limiter:
                await self.start(name, settings=settings)

        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(start, name)

    async def all_see(
        self, is_seen: Callable[[Member], bool], members: Sequence[Member], limit_s: float
    ) -> None:
        """Return when all these members see what they should.

        Raises:
            DeadlineError: some do not in time.
        """
        try:
            with anyio.fail_after(limit_s):
                while not all(is_seen(member) for member in members):
                    await self._news.wait()
        except TimeoutError:
            blind = [member.child.name for member in members if not is_seen(member)]
            raise DeadlineError(
                f"{len(blind)} of {len(members)} nodes did not see in {limit_s:.0f} s what they "
                f"should: {', '.join(blind[:5])}."
            ) from None

    async def know_each_other(self, limit_s: float) -> float:
        """Wait until all members know all; return when that was."""
        count = len(self.members)
        await self.all_see(lambda member: len(member.known) == count - 1, self.members, limit_s)
        return max(max(member.known.values(), default=0.0) for member in self.members)

    async def _listen(self, member: Member) -> None:
        while True:
            try:
                line = await member.child.line()
            except (anyio.EndOfStream, anyio.ClosedResourceError):
                return
            member.take(msgspec.json.decode(line, type=Sight))
            news, self._news = self._news, anyio.Event()
            news.set()


@asynccontextmanager
async def gathered(home: Path, network: str) -> AsyncGenerator[Crowd]:
    """Yield a crowd; its processes end with the context."""
    await anyio.Path(home).mkdir(parents=True, exist_ok=True)
    async with anyio.create_task_group() as listeners, Fleet(home) as fleet:
        yield Crowd(fleet, home, network, listeners)
        listeners.cancel_scope.cancel()
