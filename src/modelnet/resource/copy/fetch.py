"""Fetching one file from several nodes at once: what `Download` decides, done over the network."""

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection

import anyio
from anyio.abc import TaskGroup

from modelnet.core.clock import Clock
from modelnet.core.error import (
    MalformedError,
    ModelnetError,
    OverloadedError,
    PeerLostError,
    StorageError,
)
from modelnet.core.identity import NodeId, short_node_id
from modelnet.resource.copy.asking import ask_for_one
from modelnet.resource.copy.call import ManifestCall, Progress
from modelnet.resource.copy.download import Download
from modelnet.resource.copy.manifest import PIECES_AT_ONCE, Manifest, read_manifest
from modelnet.resource.copy.offload import Offload
from modelnet.resource.copy.part import Part
from modelnet.resource.copy.source import NetworkSource, Source, bulk_source
from modelnet.resource.copy.suspicion import Suspicion
from modelnet.transport.network import Network

MAX_PEERS = 8
"""Nodes asked at the same time."""

ATTEMPTS = 3
"""A node that failed so often is not asked again for this file."""

MANIFEST_S = 30.0
RETURN_S = 5.0
"""How long to wait for a node to come back when nobody is left who has the file."""

LOOK_AGAIN_S = 0.25
FLUSH_S = 0.1

_log = logging.getLogger(__name__)


class Surroundings:
    """What a fetch needs of the node it runs on."""

    def __init__(
        self,
        network: Network,
        holders: Callable[[str], Collection[NodeId]],
        changed: Callable[[], Awaitable[None]],
        clock: Clock,
        offload: Offload,
        *,
        is_bulk: bool = True,
    ) -> None:
        """Say where this node is.

        Args:
            network: how others are asked.
            holders: tells who has a file, by its digest.
            changed: returns when that may have changed.
            clock: where Unix time comes from.
            offload: where blocking work is done.
            is_bulk: whether to use bulk connections where there are any.
        """
        self.network = network
        self.holders = holders
        self.changed = changed
        self.clock = clock
        self.offload = offload
        self.is_bulk = is_bulk
        self.suspicion = Suspicion()

    def candidates(self, digest: str, only: NodeId | None) -> list[NodeId]:
        """Return whom to ask for a file."""
        now = self.clock()
        return [
            node
            for node in self.holders(digest)
            if node != self.network.node
            and (only is None or node == only)
            and not self.suspicion.bars(node, now)
        ]

    def suspect(self, node: NodeId, error: MalformedError) -> None:
        """Ask a node that sent wrong bytes for nothing more."""
        _log.warning("node %s is asked for no more files: %s", short_node_id(node), error)
        self.suspicion.add(node, self.clock())


async def fetch_manifest(around: Surroundings, digest: str, only: NodeId | None) -> Manifest:
    """Return the manifest of a file from the first node that has the right one.

    Raises:
        PeerLostError: nobody who has the file is here.
        ModelnetError: what the last node asked said.
    """
    failure: ModelnetError = gone()
    for node in around.candidates(digest, only):
        call, deadline = ManifestCall(digest), around.clock() + MANIFEST_S
        try:
            encoded = await ask_for_one(around.network, node, call, deadline=deadline)
            return read_manifest(encoded, digest)
        except MalformedError as error:
            around.suspect(node, error)
            failure = error
        except ModelnetError as error:
            failure = error
    raise failure


class Fetch:
    """One file on its way to this node."""

    def __init__(
        self,
        around: Surroundings,
        digest: str,
        part: Part,
        tell: Callable[[Progress], None],
        only: NodeId | None = None,
    ) -> None:
        """`tell` hears how far it is whenever that changes; `only` is the one node to ask."""
        self._around = around
        self._digest = digest
        self._part = part
        self._tell = tell
        self._only = only
        self._download = Download(part.manifest.count)
        self._working: set[NodeId] = set()
        self._failed: Counter[NodeId] = Counter()
        self._fatal: ModelnetError | None = None
        self._give_up_at = math.inf
        self._bell = anyio.Event()

    async def run(self) -> None:
        """Return when every piece is here, checked and written; what came stays if it is cut short.

        Raises:
            PeerLostError: nobody is left who has the file.
            StorageError: the disk is full or cannot be written.
        """
        self._download = Download(self._part.manifest.count, await self._here())
        self._report()
        self._give_up_at = anyio.current_time() + RETURN_S
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow_changes)
            tasks.start_soon(self._flush)
            while not self._is_over:
                self._start_workers(tasks)
                await self._wait_for_news()
            tasks.cancel_scope.cancel()
        if self._fatal is not None:
            raise self._fatal

    async def _here(self) -> list[int]:
        """Return the pieces that came earlier; hashing them may take long, and can be stopped."""
        count, here = self._part.manifest.count, list[int]()
        for first in range(0, count, PIECES_AT_ONCE):
            here += await self._around.offload(self._part.here, first, PIECES_AT_ONCE)
        return here

    @property
    def _is_over(self) -> bool:
        return self._download.is_complete or self._fatal is not None

    def _start_workers(self, tasks: TaskGroup) -> None:
        for node in self._around.candidates(self._digest, self._only):
            is_to_ask = node not in self._working and self._failed[node] < ATTEMPTS
            if is_to_ask and len(self._working) < MAX_PEERS:
                self._working.add(node)
                tasks.start_soon(self._work, node)

    async def _wait_for_news(self) -> None:
        now = anyio.current_time()
        if self._working:
            self._give_up_at = now + RETURN_S
        bell = self._bell
        with anyio.move_on_after(None if self._working else self._give_up_at - now):
            await bell.wait()
        if not self._working and anyio.current_time() >= self._give_up_at:
            self._fatal = self._fatal or gone()

    def _ring(self) -> None:
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    async def _follow_changes(self) -> None:
        while True:
            await self._around.changed()
            self._ring()

    async def _flush(self) -> None:
        """Have the disk keep up, so that little is left to wait for at the end."""
        while True:
            await anyio.sleep(FLUSH_S)
            try:
                await self._around.offload(self._part.flush)
            except StorageError as error:
                self._fail(error)

    async def _work(self, node: NodeId) -> None:
        """Fetch from one node until nothing is left, or it fails."""
        try:
            await self._fetch_from(node)
        except MalformedError as error:
            self._around.suspect(node, error)
        except StorageError as error:
            self._fail(error)
        except OverloadedError as error:
            await anyio.sleep(error.retry_after_s or LOOK_AGAIN_S)
        except ModelnetError as error:
            _log.info("node %s stopped sending a file: %s", short_node_id(node), error)
            self._failed[node] += 1
            await anyio.sleep(LOOK_AGAIN_S)
        finally:
            self._working.discard(node)
            self._ring()

    async def _fetch_from(self, node: NodeId) -> None:
        source = await self._open(node)
        self._download.join(node)
        try:
            while not self._is_over:
                await self._fetch_next(node, source)
        finally:
            self._download.leave(node)
            source.close()
            self._ring()

    async def _open(self, node: NodeId) -> Source:
        around = self._around
        # A connection that broke may be one that some box in between does not like.
        if around.is_bulk and not self._failed[node]:
            source = await bulk_source(around.network, node, self._digest, self._part, around.clock)
            if source is not None:
                return source
        return NetworkSource(
            around.network, node, self._digest, self._part, around.clock, around.offload
        )

    async def _fetch_next(self, node: NodeId, source: Source) -> None:
        span = self._download.ask(node, anyio.current_time())
        if span is None:
            bell = self._bell
            with anyio.move_on_after(LOOK_AGAIN_S):
                await bell.wait()
            return
        landed: list[int] = []
        try:
            await source.fetch(span, landed.append)
        finally:
            self._download.land(node, landed, anyio.current_time())
            self._report()
            self._ring()

    def _fail(self, error: ModelnetError) -> None:
        self._fatal = error
        self._ring()

    def _report(self) -> None:
        manifest, here = self._part.manifest, self._download.here
        done_bytes = min(here * manifest.piece_bytes, manifest.size_bytes)
        if not self._download.is_complete:
            done_bytes = min(done_bytes, manifest.size_bytes - 1)
        self._tell(Progress(done_bytes, manifest.size_bytes, self._download.peers))


def gone() -> PeerLostError:
    """Return the error of a file that nobody here has."""
    return PeerLostError(
        "No node that has the file is here now: ask again later; what came is kept."
    )
