"""Keeps the directory current: follows the network, folds what it says, wakes whoever waits."""

import logging
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from modelnet.core.clock import Clock
from modelnet.core.error import MessageError
from modelnet.core.identity import NodeId
from modelnet.resource.directory import Directory, DirectoryEvent, NodeJoined, NodeLeft, apply
from modelnet.resource.message import read_announcement
from modelnet.transport.network import Network, PeerAnnounced, PeerEvent, PeerJoined, PeerLeft

_log = logging.getLogger(__name__)


class Watcher:
    """The one place where a node's directory changes."""

    def __init__(
        self, self_id: NodeId, clock: Clock, hear: Callable[[DirectoryEvent], None]
    ) -> None:
        """Know only this node; `hear` is called with every event after it was folded in."""
        self._clock = clock
        self._hear = hear
        self._directory = apply(Directory(self_id), NodeJoined(self_id, clock()))
        self._changed = anyio.Event()

    @property
    def directory(self) -> Directory:
        """What is known now."""
        return self._directory

    def tell(self, event: DirectoryEvent) -> None:
        """Fold an event in and wake whoever waits for a change."""
        self._directory = apply(self._directory, event)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        self._hear(event)

    async def wait(self) -> None:
        """Return after the next change."""
        await self._changed.wait()

    async def wait_until(self, is_reached: Callable[[Directory], bool]) -> None:
        """Return as soon as the directory is as wished; the caller sets the deadline."""
        while not is_reached(self._directory):
            await self.wait()

    async def follow(self, network: Network, *, task_status: TaskStatus[None]) -> None:
        """Follow a joined network until cancelled; started once it is being watched."""
        async with network.watch() as events:
            task_status.started()
            async for event in events:
                self._take(event)

    def _take(self, event: PeerEvent) -> None:
        match event:
            case PeerJoined(node):
                self.tell(NodeJoined(node, self._clock()))
            case PeerLeft(node):
                self.tell(NodeLeft(node))
            case PeerAnnounced():
                self._take_announcement(event)

    def _take_announcement(self, told: PeerAnnounced) -> None:
        try:
            self.tell(read_announcement(told))
        except MessageError as error:
            _log.warning("dropped the %s of %s: %s", told.topic, told.node, error)
