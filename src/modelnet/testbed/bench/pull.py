"""How fast a file comes from two peers, and what raw sockets reach: every way in turns, in one run.

All ways do the same job: two processes send, this one writes the file and has it on the disk when
it is done. Raw sockets send straight from the file to one thread each that writes what comes and
checks nothing; `hashed` is the same with a SHA-256 over every piece, which is what a pull cannot do
without. `network` is a pull whose pieces come as pieces of replies, `bulk` one over connections of
their own: that is what a node does where it can.
"""

import hashlib
import os
import shutil
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio

from modelnet.application.demo.process import ChildProcess, Fleet
from modelnet.core.card import ModelCard
from modelnet.core.clock import system_clock
from modelnet.core.identity import NodeId
from modelnet.resource.copy.fetch import Fetch, Surroundings, fetch_manifest
from modelnet.resource.copy.manifest import PIECE_BYTES, digest_of, encode_manifest, manifest_of
from modelnet.resource.copy.offload import in_thread
from modelnet.resource.copy.store import Store
from modelnet.testbed.bench.engine.figure import PullFigures
from modelnet.transport.network import PeerJoined
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

FILE_BYTES = 200_000_000
PEERS = 2

_MEET_S = 30.0
_SOURCE = "file.bin"
_CARD = ModelCard(name="file", operations=("chat",), engine="none")

_GIVER = (sys.executable, "-m", "modelnet.testbed.giver")


async def pull_figures(home: Path, rounds: int) -> PullFigures:
    """Measure every way so many times, one after another in each round."""
    await anyio.Path(home).mkdir()
    path = home / _SOURCE
    await in_thread(_write_file, path)
    settings = ZenohSettings(network="bench-pull", multicast=False)
    network = ZenohNetwork(settings, Envelope(NodeKey.generate(), system_clock), system_clock)
    async with network, Fleet(home) as fleet:
        givers = [await _start_giver(fleet, network, path, number) for number in range(PEERS)]
        await _meet(network, givers)
        taker = Taker(fleet, network, givers, path)
        seconds: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(rounds):
            for name, way in WAYS.items():
                seconds[name].append(await way(taker))
    return _figures(seconds)


class Taker:
    """This process: fetches the file again and again, each time anew."""

    def __init__(
        self, fleet: Fleet, network: ZenohNetwork, givers: list[NodeId], path: Path
    ) -> None:
        self._fleet = fleet
        self._network = network
        self._givers = givers
        self._path = path
        self._digest = digest_of(encode_manifest(manifest_of(path)))
        self._copies = path.parent / "copies"

    async def pull_s(self, *, is_bulk: bool) -> float:
        """Return how long a pull takes."""
        await in_thread(partial(shutil.rmtree, self._copies, ignore_errors=True))
        began = time.perf_counter()
        around = Surroundings(
            self._network,
            lambda _: self._givers,
            anyio.sleep_forever,
            system_clock,
            in_thread,
            is_bulk=is_bulk,
        )
        store = Store(self._copies, 2 * FILE_BYTES)
        manifest = await fetch_manifest(around, self._digest, None)
        arriving = await in_thread(store.begin, self._digest, manifest, _CARD)
        try:
            await Fetch(around, self._digest, arriving.part, lambda _: None).run()
            await in_thread(arriving.finish)
        finally:
            arriving.close()
        return time.perf_counter() - began

    async def raw_s(self, *, is_hashed: bool) -> float:
        """Return how long raw sockets take, from the moment both are connected."""
        half = FILE_BYTES // PEERS // PIECE_BYTES * PIECE_BYTES
        ranges = [(0, half), (half, FILE_BYTES - half)]
        with socket.create_server(("127.0.0.1", 0)) as listening:
            place = "{}:{}".format(*listening.getsockname())
            senders: list[ChildProcess] = []
            connections: list[socket.socket] = []
            for first, size in ranges:
                command = [*_GIVER, place, str(self._path), str(first), str(size)]
                senders.append(await self._fleet.start(f"raw-{first}", command))
                connections.append((await in_thread(listening.accept))[0])
        work = partial(_receive_all, connections, ranges, self._path.parent / "raw", is_hashed)
        took_s = await in_thread(work)
        for sender in senders:
            await sender.wait()
        return took_s


WAYS: dict[str, Callable[[Taker], Awaitable[float]]] = {
    "raw": lambda taker: taker.raw_s(is_hashed=False),
    "hashed": lambda taker: taker.raw_s(is_hashed=True),
    "network": lambda taker: taker.pull_s(is_bulk=False),
    "bulk": lambda taker: taker.pull_s(is_bulk=True),
}


def _receive_all(
    connections: list[socket.socket], ranges: list[tuple[int, int]], path: Path, is_hashed: bool
) -> float:
    path.unlink(missing_ok=True)
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, FILE_BYTES)
        with ThreadPoolExecutor(PEERS) as threads:
            for connection, (first, _) in zip(connections, ranges, strict=True):
                threads.submit(_receive, connection, descriptor, first, is_hashed)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return time.perf_counter() - began


def _receive(connection: socket.socket, descriptor: int, offset: int, is_hashed: bool) -> None:
    buffer = memoryview(bytearray(PIECE_BYTES))
    with connection:
        connection.sendall(b"!")
        while size := _fill(connection, buffer):
            if is_hashed:
                hashlib.sha256(buffer[:size]).digest()
            os.pwrite(descriptor, buffer[:size], offset)
            offset += size


def _fill(connection: socket.socket, buffer: memoryview) -> int:
    """Fill the buffer unless the other end closes before; return how many bytes came."""
    size = 0
    while size < len(buffer) and (more := connection.recv_into(buffer[size:])):
        size += more
    return size


async def _start_giver(fleet: Fleet, network: ZenohNetwork, path: Path, number: int) -> NodeId:
    command = [*_GIVER, network.listen[0], str(path)]
    child = await fleet.start(f"giver-{number}", command)
    return NodeId((await child.first_line()).decode())


async def _meet(network: ZenohNetwork, givers: list[NodeId]) -> None:
    missing = set(givers)
    with anyio.fail_after(_MEET_S):
        async with network.watch() as events:
            while missing:
                event = await anext(events)
                if isinstance(event, PeerJoined):
                    missing.discard(event.node)


def _write_file(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(FILE_BYTES // PIECE_BYTES):
            file.write(os.urandom(PIECE_BYTES))
        file.write(os.urandom(FILE_BYTES % PIECE_BYTES))


def _figures(seconds: dict[str, list[float]]) -> PullFigures:
    """Return the medians; that of the ratio is of the ratios, each within one round."""
    speed = {
        name: round(FILE_BYTES / 1e6 / statistics.median(times_s), 1)
        for name, times_s in seconds.items()
    }
    ratios = [raw / bulk for raw, bulk in zip(seconds["raw"], seconds["bulk"], strict=True)]
    return PullFigures(
        socket_ratio=round(statistics.median(ratios), 3),
        pulled_mb_per_s=speed["bulk"],
        socket_mb_per_s=speed["raw"],
        hashed_mb_per_s=speed["hashed"],
        network_mb_per_s=speed["network"],
    )
