"""The client in front of servers that behave, and of servers that do not."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress

import anyio
import pytest

from modelnet.core.error import DeadlineError, EngineError, OverloadedError, SettingsError
from modelnet.resource.backend.guard import Lifetime
from modelnet.resource.backend.http import Client
from modelnet.resource.backend.http import pool as pool_module
from modelnet.resource.backend.http import response as response_module
from modelnet.resource.backend.http.client import LINES
from tests.conformance.bad_server import (
    BUSY,
    ENDLESS_HEAD,
    FAILS,
    HANGS,
    NO_HTTP,
    NO_JSON,
    VANISHES,
    BadServer,
    Received,
    Reply,
    Script,
    answer,
    cut,
    events,
    lines,
    serving,
)

pytestmark = pytest.mark.anyio
Connect = Callable[..., Awaitable[tuple[Client, BadServer]]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Start a server that follows a script, and a client of it."""
    async with AsyncExitStack() as stack:

        async def start(script: Script, **headers: str) -> tuple[Client, BadServer]:
            server = await stack.enter_async_context(serving(script))
            client = opened(server.url, **headers)
            stack.push_async_callback(client.close)
            return client, server

        yield start


def opened(root: str, **headers: str) -> Client:
    lifetime = Lifetime("m", time.time)
    lifetime.begin()
    client = Client(root, "m", lifetime, time.time, headers)
    client.open()
    return client


def soon(within_s: float = 5.0) -> float:
    return time.time() + within_s


def always(reply: Reply) -> Script:
    return lambda _: reply


def raw(text: str, after="keep") -> Reply:
    return Reply(text.replace("\n", "\r\n").encode(), after)


async def heard(client: Client, server: BadServer, within_s: float = 5.0, **options) -> list[bytes]:
    stream = client.stream(f"{server.url}/s", {}, soon(within_s), **options)
    async with aclosing(stream) as pieces:
        return [piece async for piece in pieces]


async def drain(stream: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            assert piece


async def test_what_is_sent(connect: Connect):
    client, server = await connect(always(answer({"a": 1})), Authorization="Bearer k")
    assert await client.post_json(f"{server.url}/v1/x y?q=%20", {"b": "\u00e9"}, soon()) == {"a": 1}
    (got,) = server.received
    assert (got.method, got.path) == ("POST", "/v1/x%20y?q=%20")
    assert got.json == {"b": "\u00e9"}
    assert got.headers["authorization"] == "Bearer k"
    assert got.headers["host"] == server.url.removeprefix("http://")
    assert got.headers["content-type"] == "application/json"
    assert "cookie" not in got.headers


async def test_get_has_no_body(connect: Connect):
    client, server = await connect(always(answer([])))
    assert await client.get(f"{server.url}/x", soon()) == []
    assert server.received[0].method == "GET"
    assert "content-length" not in server.received[0].headers


async def test_raw_bytes_with_headers_of_their_own_and_any_status(connect: Connect):
    def echo(received: Received) -> Reply:
        length = received.headers["inference-header-content-length"]
        return answer(received.body, status=418, headers={"X-Length": length, "X-Twice": "a"})

    client, server = await connect(echo)
    body = bytes(range(256)) * 4096  # Larger than one read, and than what is sent in one piece.
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": "12",
    }
    got = await client.exchange("PUT", f"{server.url}/i", soon(), body=body, headers=headers)
    assert (got.status, got.body) == (418, body)
    assert got.headers["x-length"] == "12"
    with pytest.raises(EngineError, match="418"):
        client.accepted(got)


@pytest.mark.parametrize(
    "reply",
    [
        raw("HTTP/1.1 200 OK\nContent-Length: 4\n\n[12]"),
        raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n[1\n2;a=b\n2]\n0\nX-T: t\n\n"),
        raw("HTTP/1.1 200 OK\n\n[12]", "close"),
        raw("HTTP/1.0 200 OK\n\n[12]", "close"),
        raw("HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Wait\nA: b\n\nHTTP/1.1 200 OK\n"
            "Content-Length: 4\n\n[12]"),
        raw("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 4\n\n[12]"),
    ],
)  # fmt: skip
async def test_every_way_to_delimit_a_body(connect: Connect, reply: Reply):
    client, server = await connect(always(reply))
    for _ in range(3):
        assert await client.get(f"{server.url}/x", soon()) == [12]


async def test_connections_are_used_again(connect: Connect):
    client, server = await connect(lambda r: events(["a"]) if r.path == "/s" else answer(1))
    for _ in range(5):
        await client.get(f"{server.url}/x", soon())
        await heard(client, server)
    assert server.connections == 1


async def test_two_at_once_have_a_connection_each(connect: Connect):
    client, server = await connect(lambda received: answer(received.json))
    got: dict[int, int] = {}

    async def ask(number: int) -> None:
        got[number] = await client.post_json(f"{server.url}/x", number, soon())

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    assert got == {number: number for number in range(20)}
    assert server.connections == 20
    await ask(20)
    assert server.connections == 20


async def test_who_comes_when_all_connections_are_taken_waits(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "CONNECTIONS", 1)
    client, server = await connect(lambda r: HANGS if r.path == "/hang" else answer(1))
    with pytest.raises(DeadlineError):
        await client.get(f"{server.url}/hang", soon(0.05))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(client.get, f"{server.url}/x", soon())
    assert server.connections == 2


async def test_a_connection_the_server_had_closed_is_replaced_once(connect: Connect):
    replies = iter([answer(1), VANISHES, answer(2)])
    client, server = await connect(lambda _: next(replies))
    assert await client.get(f"{server.url}/x", soon()) == 1
    assert await client.get(f"{server.url}/x", soon()) == 2
    assert server.connections == 2


async def test_a_fresh_connection_is_not_tried_twice(connect: Connect):
    client, server = await connect(always(VANISHES))
    with pytest.raises(EngineError, match="before an answer"):
        await client.get(f"{server.url}/x", soon())
    assert len(server.received) == 1


async def test_a_request_that_was_begun_to_be_answered_is_not_sent_again(connect: Connect):
    replies = iter([answer(1), cut(answer("long enough to be cut"))])
    client, server = await connect(lambda _: next(replies))
    await client.get(f"{server.url}/x", soon())
    with pytest.raises(EngineError, match="mid-answer"):
        await client.get(f"{server.url}/x", soon())
    assert len(server.received) == 2


async def test_connections_that_idled_long_are_closed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pool_module, "IDLE_TIMEOUT_S", -1.0)
    client, server = await connect(always(answer(1)))
    for _ in range(3):
        await client.get(f"{server.url}/x", soon())
    assert server.connections == 3


async def test_an_answer_nobody_asked_for_is_never_believed(connect: Connect):
    first = answer("first")
    client, server = await connect(lambda _: Reply(first.raw + answer("forged").raw))
    for _ in range(3):
        assert await client.get(f"{server.url}/x", soon()) == "first"
    assert server.connections == 3


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (NO_HTTP, "HTTP"),
        (NO_JSON, "garbage"),
        (ENDLESS_HEAD, "no end"),
        (raw("HTTP/1.1 200 OK\nContent-Length: 9\n\n[1", "close"), "mid-answer"),
        (raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n9\n[1", "close"), "mid-answer"),
        (raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n[1"), "HTTP"),
        (raw("HTTP/1.1 101 Go\nUpgrade: x\nConnection: upgrade\n\nhello"), "HTTP"),
        (raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\nX: " + "x" * (1 << 18)), "no end"),
        (raw("HTTP/1.1 100 Continue\n\n" * 5000), "no end"),
        (raw("HTTP/1.1 302 Elsewhere\nLocation: /y\nContent-Length: 0\n\n"), "302"),
        (FAILS, "out of memory"),
        (answer(b"[" * 100_000), "garbage"),
    ],
)
async def test_what_is_no_answer_is_an_engine_error(connect: Connect, reply: Reply, told: str):
    client, server = await connect(always(reply))
    with pytest.raises(EngineError, match=told):
        await client.get(f"{server.url}/x", soon())
    server.script = always(answer(1))
    assert await client.get(f"{server.url}/x", soon()) == 1


async def test_a_full_server_says_when_to_come_back(connect: Connect):
    client, server = await connect(always(BUSY))
    with pytest.raises(OverloadedError) as caught:
        await client.get(f"{server.url}/x", soon())
    assert caught.value.retry_after_s == 7.0
    with pytest.raises(OverloadedError):
        await heard(client, server)
    assert server.connections == 1


async def test_a_body_without_measure_is_refused(connect: Connect, monkeypatch):
    monkeypatch.setattr("modelnet.resource.backend.http.client.MAX_BODY_BYTES", 1000)
    client, server = await connect(always(answer("x" * 2000)))
    with pytest.raises(EngineError, match="longer"):
        await client.get(f"{server.url}/x", soon())


async def test_silence_is_told_from_the_deadline(connect: Connect, monkeypatch):
    client, server = await connect(always(HANGS))
    with pytest.raises(DeadlineError):
        await client.get(f"{server.url}/x", soon(0.05))
    monkeypatch.setattr(response_module, "SILENCE_TIMEOUT_S", 0.05)
    with pytest.raises(EngineError, match="silent"):
        await client.get(f"{server.url}/x", soon())


async def test_nobody_there():
    client = opened("http://127.0.0.1:9")
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9"):
        await client.get("http://127.0.0.1:9/x", soon())
    await client.close()


async def test_a_name_nobody_has():
    client = opened("http://nobody.invalid")
    with pytest.raises(EngineError, match=r"nobody\.invalid"):
        await client.get("http://nobody.invalid/x", soon())
    await client.close()


async def test_nothing_is_sent_to_another_server(connect: Connect):
    client, server = await connect(always(answer(1)), Authorization="Bearer k")
    for url in ("http://evil.com/x", f"{server.url}.evil.com/x", f"{server.url}@evil.com/", ""):
        with pytest.raises(EngineError):
            await client.get(url, soon())
    assert server.received == []


@pytest.mark.parametrize("key", ["a\r\nX: y", "a\nb", "k\u00e9y"])
def test_a_key_that_breaks_out_of_its_line_is_refused_unseen(key: str):
    with pytest.raises(SettingsError) as caught:
        Client("http://h", "m", Lifetime("m", time.time), time.time, {"Authorization": key})
    assert key not in caught.value.message


@pytest.mark.parametrize("path", ["/x", "/s"])
async def test_a_key_that_the_server_quotes_is_not_shown(connect: Connect, path: str):
    refusal = answer({"error": {"message": "the key sk-1234 is wrong"}}, status=401)
    client, server = await connect(always(refusal), Authorization="Bearer sk-1234")
    with pytest.raises(EngineError, match=r"the key \*\*\* is wrong"):
        await (client.get(f"{server.url}/x", soon()) if path == "/x" else heard(client, server))
    server.script = always(events([{"error": "sk-1234"}]))
    assert b"sk-1234" not in b"".join(await heard(client, server))


async def test_streams_of_each_kind(connect: Connect):
    client, server = await connect(lambda r: events([1]) if r.path == "/s" else lines([1]))
    assert b"".join(await heard(client, server)) == b"data: 1\n\ndata: [DONE]\n\n"
    with pytest.raises(EngineError, match=r"text/event-stream.*x-ndjson"):
        await heard(client, server, media_type=LINES)
    stream = client.stream(f"{server.url}/lines", {}, soon(), media_type=LINES)
    async with aclosing(stream) as pieces:
        assert [piece async for piece in pieces] == [b"1\n"]


@pytest.mark.parametrize(
    "reply", [cut(events(["abc"] * 9)), cut(events(["abc"] * 9), "close"), VANISHES, NO_HTTP, FAILS]
)
async def test_streams_that_break_off(connect: Connect, reply: Reply):
    client, server = await connect(always(reply))
    with pytest.raises(EngineError):
        await heard(client, server)
    server.script = always(events([1]))
    assert await heard(client, server)


async def test_a_stream_that_falls_silent_meets_its_deadline(connect: Connect):
    client, server = await connect(always(cut(events(["abc"] * 9), "hang")))
    with pytest.raises(DeadlineError):
        await heard(client, server, within_s=0.1)
    with anyio.fail_after(5):
        await server.is_left.wait()


async def test_a_stream_without_end_meets_its_deadline():
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = opened(root)
    with pytest.raises(DeadlineError):
        await drain(client.stream(f"{root}/s", {}, soon(0.3)))
    await client.close()
    server.close()


async def test_leaving_a_stream_closes_its_connection(connect: Connect):
    client, server = await connect(always(cut(events(["abc"] * 9), "hang")))
    async with aclosing(client.stream(f"{server.url}/s", {}, soon())) as pieces:
        await anext(pieces)
    with anyio.fail_after(5):
        await server.is_left.wait()


async def test_closing_the_client_ends_its_streams(connect: Connect):
    client, server = await connect(always(cut(events(["abc"] * 9), "hang")))
    async with aclosing(client.stream(f"{server.url}/s", {}, soon())) as pieces:
        await anext(pieces)
        await client.close()
        with pytest.raises(EngineError):
            await anext(pieces)
    with anyio.fail_after(5):
        await server.is_left.wait()
    with pytest.raises(EngineError, match="not running"):
        await client.get(f"{server.url}/x", soon())


async def test_a_slow_reader_makes_the_server_wait():
    sent, total = 0, 1 << 26
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % total
    )

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while sent < total:
            writer.write(bytes(1 << 16))
            await writer.drain()
            sent += 1 << 16
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = opened(root)
    async with aclosing(client.stream(f"{root}/s", {}, soon(30))) as pieces:
        got = len(await anext(pieces))
        before = -1
        while before != sent:  # Until the buffers of both kernels are full too.
            before = sent
            await anyio.sleep(0.1)
        assert sent < total // 2
        async for piece in pieces:
            got += len(piece)
    assert got == total
    await client.close()
    server.close()
