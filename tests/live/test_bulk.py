"""Bulk connections on real sockets: tickets, cancelled work, ends that vanish or lie."""

import socket
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from modelnet.core.error import MalformedError, PeerLostError, UnknownModelError, UnsupportedError
from modelnet.transport.bulk.receiver import BulkReceiver, connect
from modelnet.transport.bulk.sender import RANGE, BulkSender
from modelnet.transport.bulk.ticket import Place, Ticket, greeting

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LOOPBACK = ("127.0.0.1",)
CONTENT = bytes(range(256)) * 4096
PATIENCE_S = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
async def sender():
    sender = BulkSender(lambda: ("tcp/127.0.0.1:7447",), time.time)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sender.run)
        yield sender
        tasks.cancel_scope.cancel()


async def connected(sender: BulkSender, path: Path) -> BulkReceiver:
    receiver = await connect(await sender.issue(partial(path.open, "rb")), LOOPBACK)
    assert receiver is not None
    return receiver


async def fetched(receiver: BulkReceiver, offset: int, *sizes: int) -> list[bytes]:
    got: list[bytes] = []
    with anyio.fail_after(PATIENCE_S):
        await receiver.fetch(offset, sizes, lambda _, data: got.append(bytes(data)))
    return got


async def test_ranges_come_as_they_are_asked_for(sender, path):
    receiver = await connected(sender, path)
    assert await fetched(receiver, 3, 5, 7) == [CONTENT[3:8], CONTENT[8:15]]
    assert await fetched(receiver, 0, len(CONTENT)) == [CONTENT]
    receiver.close()


async def test_many_connections_do_not_mix(sender, path):
    async def fetch(offset: int) -> None:
        receiver = await connected(sender, path)
        for _ in range(5):
            assert await fetched(receiver, offset, 1000) == [CONTENT[offset : offset + 1000]]
        receiver.close()

    async with anyio.create_task_group() as tasks:
        for offset in range(10):
            tasks.start_soon(fetch, offset)


async def test_beyond_the_end_there_is_nothing(sender, path):
    receiver = await connected(sender, path)
    with pytest.raises(PeerLostError):
        await fetched(receiver, len(CONTENT) - 1, 2)
    receiver.close()


@pytest.mark.parametrize("shown", [b"", b"x" * 32, b"GET / HTTP/1.1\r\n\r\n" * 2])
async def test_without_a_ticket_nothing_comes(sender, path, shown):
    ticket = await sender.issue(partial(path.open, "rb"))

    def knock() -> bytes:
        place = ticket.places[0]
        with socket.create_connection((place.host, place.port), timeout=PATIENCE_S) as connection:
            connection.sendall(shown)
            # Hanging up on bytes that nobody read resets the connection.
            with suppress(ConnectionResetError):
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(100)
            return b""

    assert await anyio.to_thread.run_sync(knock) == b""


async def test_a_ticket_is_good_for_one_connection(sender, path):
    ticket = await sender.issue(partial(path.open, "rb"))
    receiver = await connect(ticket, LOOPBACK)
    assert receiver is not None
    assert await fetched(receiver, 0, 10) == [CONTENT[:10]]
    second = await connect(ticket, LOOPBACK)
    assert second is not None
    with pytest.raises(PeerLostError):
        await fetched(second, 0, 10)
    for one in (receiver, second):
        one.close()


async def test_a_file_that_is_gone_ends_the_connection(sender):
    def gone():
        raise UnknownModelError("gone")

    receiver = await connect(await sender.issue(gone), LOOPBACK)
    assert receiver is not None
    with pytest.raises(PeerLostError):
        await fetched(receiver, 0, 10)
    receiver.close()


async def test_a_range_that_makes_no_sense_ends_the_connection(sender, path):
    ticket = await sender.issue(partial(path.open, "rb"))

    def ask() -> bytes:
        place = ticket.places[0]
        with socket.create_connection((place.host, place.port), timeout=PATIENCE_S) as connection:
            connection.sendall(greeting(ticket.secret) + RANGE.pack(1 << 63, 1 << 62))
            return connection.recv(100)

    assert await anyio.to_thread.run_sync(ask) == b""


async def test_what_the_taker_raises_is_raised(sender, path):
    receiver = await connected(sender, path)

    def refuse(number: int, data: memoryview) -> None:
        raise MalformedError("wrong")

    with pytest.raises(MalformedError, match="wrong"):
        await receiver.fetch(0, [10], refuse)
    receiver.close()


async def test_cancelling_hangs_up_on_a_silent_node():
    with ExitStack() as opened:
        silent = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        ticket = Ticket((Place(*silent.getsockname()),), b"s" * 32)
        receiver = await connect(ticket, LOOPBACK)
        assert receiver is not None
        with anyio.fail_after(PATIENCE_S / 2), anyio.move_on_after(0.1) as scope:
            await receiver.fetch(0, [10], lambda *_: None)
        assert scope.cancelled_caught
        receiver.close()


async def test_a_sender_that_is_stopped_hangs_up_on_a_reader_that_does_not_read(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(64 << 20))
    sender = BulkSender(lambda: ("tcp/127.0.0.1:7447",), time.time)
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.run)
            ticket = await sender.issue(partial(path.open, "rb"))
            place = ticket.places[0]
            with socket.create_connection((place.host, place.port)) as connection:
                connection.sendall(greeting(ticket.secret) + RANGE.pack(0, 64 << 20))
                # It sends until nothing more fits; then it waits for a reader.
                assert await anyio.to_thread.run_sync(connection.recv, 1)
                tasks.cancel_scope.cancel()


async def test_where_nobody_listens_there_is_no_way():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = Place(*closed.getsockname())
    assert await connect(Ticket((place,), b"s" * 32), LOOPBACK) is None
    assert await connect(Ticket((place,), b"s" * 32), ("192.0.2.1",)) is None
    assert await connect(Ticket((), b"s" * 32), LOOPBACK) is None


async def test_a_node_that_is_not_in_the_open_gives_no_tickets(path):
    for endpoints in ((), ("tls/127.0.0.1:1",)):
        sender = BulkSender(lambda endpoints=endpoints: endpoints, time.time)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.run)
            with pytest.raises(UnsupportedError):
                await sender.issue(partial(path.open, "rb"))
            tasks.cancel_scope.cancel()
