"""One node's place in a network, whatever the wire: what both implementations share.

The wire tells a station who arrives, who departs and which frames come; the station keeps the
roster, feeds watchers, introduces itself to newcomers, asks and serves.
"""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from typing import get_args

import anyio
import anyio.abc

from modelnet.core.clock import Clock
from modelnet.core.error import InvalidRequestError, MessageError
from modelnet.core.identity import NodeId, new_request_id
from modelnet.transport.asking import Asker
from modelnet.transport.frame import (
    MAX_STATE_BYTES,
    Announcement,
    Ask,
    Cancel,
    Credit,
    Data,
    End,
    Failure,
    Frame,
    State,
    decode_announcement,
    decode_frame,
    encode,
)
from modelnet.transport.guard import Guard
from modelnet.transport.network import Handler, PeerEvent, PeerLeft, Topic
from modelnet.transport.roster import Roster, Told
from modelnet.transport.serving import Server
from modelnet.transport.watching import Watcher
from modelnet.transport.wire import SMALL_BYTES, Limits, Traffic, Wire

_log = logging.getLogger(__name__)
_TOPICS: dict[str, Topic] = {topic: topic for topic in get_args(Topic)}


class Station:
    """Everything of a Network but joining and leaving, which are the wire's."""

    def __init__(self, guard: Guard, clock: Clock, wire: Wire, limits: Limits) -> None:
        self.dropped: Counter[str] = Counter()
        """Frames that were not believed, by the code of the error."""
        self._guard = guard
        self._clock = clock
        self._wire = wire
        self._tasks: anyio.abc.TaskGroup | None = None
        self._roster = Roster()
        self._watchers: set[Watcher] = set()
        self._states: dict[Topic, bytes] = {}
        is_here, traffic = self._roster.__contains__, Traffic()
        self._asker = Asker(guard, clock, wire, traffic, is_here)
        self._server = Server(guard, clock, wire, traffic, is_here, limits)

    @property
    def node(self) -> NodeId:
        """The node whose place this is."""
        return self._guard.node

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Answer and introduce for as long as the context is open."""
        async with anyio.create_task_group() as owner:
            await owner.start(self._work)
            try:
                yield
            finally:
                self.close()

    async def _work(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        # A group of its own: closing must not cancel the code inside `async with network`.
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            task_status.started()
            await anyio.sleep_forever()

    def close(self) -> None:
        """Stop all work at once: this node is leaving, or is dead."""
        if self._tasks is None:
            return
        self._asker.close()
        self._tasks.cancel_scope.cancel()
        self._tasks = None
        for watcher in self._watchers:
            watcher.close()

    def start_soon(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a part of the wire beside the station, until it closes."""
        if self._tasks is not None:
            self._tasks.start_soon(work)

    def serve(self, handler: Handler) -> None:
        """Answer with this handler: `Network.serve`."""
        self._server.handler = handler

    def ask(self, peer: NodeId, body: bytes, *, deadline: float) -> AsyncGenerator[bytes, None]:
        """Ask a peer: `Network.ask`."""
        return self._asker.ask(peer, body, deadline=deadline)

    @asynccontextmanager
    async def watch(self) -> AsyncGenerator[AsyncIterator[PeerEvent]]:
        """Follow the other nodes: `Network.watch`."""
        watcher = Watcher(self._roster.snapshot())
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def announce(self, topic: Topic, state: bytes) -> None:
        """Tell everyone, now if this node has joined and later: `Network.announce`."""
        if len(state) > MAX_STATE_BYTES:
            raise InvalidRequestError(
                f"The {topic} has {len(state)} bytes; {MAX_STATE_BYTES} is the most to announce."
            )
        body = encode(Announcement(topic, state))
        sealed = self._guard.seal(
            "state", body, to=None, id=new_request_id(), deadline=self._clock()
        )
        self._states[topic] = sealed
        if self._tasks is not None and self._roster.nodes:
            await self._wire.send_all(encode(State((sealed,))))

    def arrive(self, node: NodeId, incarnation: str) -> None:
        """Note that a node is here and tell it what this node announced."""
        if node == self.node:
            return
        events = self._roster.arrive(node, incarnation)
        self._spread(events)
        if events and self._states:
            self._introduce(node)

    def depart(self, node: NodeId, incarnation: str) -> None:
        """Note that a node is gone and give up what was under way with it."""
        self._spread(self._roster.depart(node, incarnation))

    def receive(self, data: bytes) -> None:
        """Take in a frame; one that must not be believed is dropped and counted."""
        with self.doubting():
            self._take(decode_frame(data))

    @contextmanager
    def doubting(self) -> Generator[None]:
        """Drop and count what turns out not to be believed."""
        try:
            yield
        except MessageError as error:
            self.dropped[error.code] += 1
            _log.debug("dropped a message: %s", error)

    def _take(self, frame: Frame) -> None:
        match frame:
            case Data() | End() | Failure():
                self._asker.receive(frame)
            case Ask() | Cancel() | Credit():
                if self._tasks is not None:
                    self._server.receive(frame, self._tasks)
            case State(sealed):
                for state in sealed:
                    self._take_state(state)

    def _take_state(self, sealed: bytes) -> None:
        opened = self._guard.open("state", sealed)
        announcement = decode_announcement(opened.body)
        topic = _TOPICS.get(announcement.topic)
        if topic is not None and opened.sender != self.node:
            told = Told(opened.sent_at, announcement.state)
            self._spread(self._roster.tell(opened.sender, topic, told))

    def _spread(self, events: Iterable[PeerEvent]) -> None:
        for event in events:
            if isinstance(event, PeerLeft):
                self._asker.lose(event.node)
                self._server.lose(event.node)
        for watcher in self._watchers:
            watcher.add(events)

    def _introduce(self, node: NodeId) -> None:
        frame = encode(State(tuple(self._states.values())))
        if len(frame) <= SMALL_BYTES:
            self._wire.send(node, frame)
        elif self._tasks is not None:
            self._tasks.start_soon(self._wire.send_large, node, frame)
