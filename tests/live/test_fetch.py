"""Fetching over real sockets: bulk connections to nodes that lie or are gone, and without any."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import PeerLostError
from modelnet.core.identity import NodeId
from modelnet.resource.copy.call import Progress
from modelnet.resource.copy.fetch import Fetch, Surroundings, fetch_manifest
from modelnet.resource.copy.giving import Giver
from modelnet.resource.copy.offload import in_thread
from modelnet.resource.copy.shelf import Held, Shelf
from modelnet.resource.copy.store import Store
from modelnet.resource.host import Host
from modelnet.transport.bulk.sender import BulkSender
from modelnet.transport.network import PeerJoined
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

pytestmark = [pytest.mark.anyio, pytest.mark.live]

CONTENT = os.urandom(20 << 20) + b"end"
CARD = ModelCard(name="m", operations=("chat",), engine="llama.cpp")
PATIENCE_S = 30.0


class Place:
    """Nodes that hand on one file, and one that fetches it."""

    def __init__(self, stack: AsyncExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self._name = f"test-{time.monotonic_ns()}"
        self.givers: dict[NodeId, BulkSender] = {}
        self.taker: ZenohNetwork | None = None
        self.digest = ""
        self.store = Store(home / "copies", 1 << 30)

    def _network(self) -> ZenohNetwork:
        join = self.taker.listen if self.taker else ()
        settings = ZenohSettings(network=self._name, multicast=False, join=join)
        return ZenohNetwork(settings, Envelope(NodeKey.generate(), time.time), time.time)

    async def open(self) -> None:
        self.taker = await self._stack.enter_async_context(self._network())

    async def giver(self, *, lies: bool = False) -> NodeId:
        """Let a node join that hands the file on; a liar's file is not what its manifest says."""
        path = self._home / f"file{len(self.givers)}"
        path.write_bytes(CONTENT)
        shelf = Shelf(self._home / "hashed")
        held: Held = shelf.hash(path)
        if lies:
            path.write_bytes(CONTENT[:-1] + b"?")
            os.utime(path, ns=(held.fingerprint.changed_ns,) * 2)
        shelf.put(held)
        self.digest = held.digest
        network, host = self._network(), Host(time.time)
        sender = BulkSender(lambda: network.listen, time.time)
        host.hand_on(Giver(shelf, sender, in_thread))
        network.serve(host.handle)
        await self._stack.enter_async_context(network)
        tasks = await self._stack.enter_async_context(anyio.create_task_group())
        self._stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(sender.run)
        async with self.taker.watch() as events:
            while await anext(events) != PeerJoined(network.node):
                pass
        self.givers[network.node] = sender
        return network.node

    def around(self, *, is_bulk: bool = True) -> Surroundings:
        return Surroundings(
            self.taker,
            lambda _: tuple(self.givers),
            anyio.sleep_forever,
            time.time,
            in_thread,
            is_bulk=is_bulk,
        )

    async def fetch(self, around: Surroundings) -> tuple[bytes, list[Progress]]:
        """Fetch the file; return it, and how that went."""
        told: list[Progress] = []
        manifest = await fetch_manifest(around, self.digest, None)
        arriving = self.store.begin(self.digest, manifest, CARD)
        try:
            with anyio.fail_after(PATIENCE_S):
                await Fetch(around, self.digest, arriving.part, told.append).run()
            arriving.finish()
        finally:
            arriving.close()
        return self.store.find(self.digest).path.read_bytes(), told


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        place = Place(stack, tmp_path)
        await place.open()
        yield place


@pytest.mark.parametrize("is_bulk", [True, False])
async def test_a_file_comes_either_way(place: Place, is_bulk):
    await place.giver()
    await place.giver()
    content, told = await place.fetch(place.around(is_bulk=is_bulk))
    assert content == CONTENT
    assert told[-1].done_bytes == len(CONTENT)
    # Nobody opens a port that nobody wants.
    assert all(bool(sender._places) is is_bulk for sender in place.givers.values())


async def test_a_wrong_byte_over_a_bulk_connection_is_noticed_and_its_sender_dropped(place: Place):
    liar = await place.giver(lies=True)
    around = place.around()
    with pytest.raises(PeerLostError, match="what came is kept"):
        await place.fetch(around)
    assert around.candidates(place.digest, None) == []
    honest = await place.giver()
    assert around.candidates(place.digest, None) == [honest]
    content, told = await place.fetch(around)
    assert content == CONTENT
    # Everything but the last piece, in which the lie was, is believed: its hashes were right.
    assert told[0].done_bytes == 20 << 20
    assert liar in place.givers


async def test_a_bulk_port_that_is_closed_again_is_done_without(place: Place):
    """A firewall, or a box in between: the ticket is good, and nobody answers."""
    giver = await place.giver()
    sender = place.givers[giver]
    await sender.issue(lambda: pytest.fail("nobody should open it"))
    closed = [type(one)(one.host, 9) for one in sender._places]
    sender._places = tuple(closed)
    content, _ = await place.fetch(place.around())
    assert content == CONTENT


async def test_what_is_no_longer_there_is_not_waited_for(place: Place):
    await place.giver()
    around = place.around()
    manifest = await fetch_manifest(around, place.digest, None)
    (place._home / "file0").unlink()
    arriving = place.store.begin(place.digest, manifest, CARD)
    with anyio.fail_after(PATIENCE_S), pytest.raises(PeerLostError):
        await Fetch(around, place.digest, arriving.part, lambda _: None).run()
    arriving.close()
