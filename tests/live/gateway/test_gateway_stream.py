"""Streams end with their client, wait for slow readers, and leave room for others."""

import anyio
import pytest

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.task import Task

pytestmark = [pytest.mark.live, pytest.mark.anyio]

CHAT = "/v1/chat/completions"
ASKED = {"messages": [{"role": "user", "content": "hi"}]}
STREAMED = {**ASKED, "stream": True}
END = Chunk(finish="stop", usage=Usage(1, 1))


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.mark.parametrize("chunks", [0, 1])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_that_leaves_stops_the_work(
    chunks: int, is_stream: bool, network, contribution, serve, raw
):
    begun = anyio.Event()

    async def rule(task: Task):
        yield contribution()
        for _ in range(chunks):
            yield Chunk(text="x")
        begun.set()
        await anyio.sleep_forever()

    answering = network(rule)
    async with serve(answering) as url:
        client = raw(url)
        async with await client.connect() as stream:
            await stream.send(client.request("POST", CHAT, {**ASKED, "stream": is_stream}))
            with anyio.fail_after(5):
                await begun.wait()
            assert not answering.closed.is_set()
        with anyio.fail_after(5):
            await answering.closed.wait()
        metrics = (await client.ask("GET", "/metrics")).body.decode()
    counted = 'modelnet_http_requests_total{route="/v1/chat/completions",status="499"} 1.0'
    assert counted in metrics
    assert "modelnet_open_streams 0.0" in metrics


async def test_a_client_that_leaves_while_it_is_held_back(network, contribution, serve, raw):
    async def rule(task: Task):
        yield contribution()
        while True:
            yield Chunk(text="x" * 1000)

    answering = network(rule)
    async with serve(answering) as url:
        client = raw(url)
        async with await client.connect() as stream:
            await stream.send(client.request("POST", CHAT, STREAMED))
            await stream.receive(10)
        with anyio.fail_after(5):
            await answering.closed.wait()


async def test_a_slow_reader_holds_the_answer_back(network, contribution, serve, raw):
    count, size = 4000, 10_000
    made = 0
    held = anyio.Event()

    async def rule(task: Task):
        nonlocal made
        yield contribution()
        for made in range(1, count + 1):  # noqa: B007  counted outside
            yield Chunk(text="x" * size)
        yield END

    async def other() -> None:
        """Other requests are answered meanwhile: their turns show that the first one is held."""
        before = -1
        while made != before:
            before = made
            for _ in range(5):
                assert (await raw(url).ask("GET", "/healthz")).status == 200
        held.set()

    async with serve(network(rule)) as url:
        client = raw(url)
        async with await client.connect() as stream:
            headers = {"Connection": "close"}
            await stream.send(client.request("POST", CHAT, STREAMED, headers))
            with anyio.fail_after(20):
                await other()
            # What was made lies in the buffers of the two sockets; 40 MB do not fit there.
            assert held.is_set()
            assert made * size < 30_000_000
            response = await client.read(stream)
    *said, done = response.events
    assert done == "[DONE]"
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in said)
    assert len(text) == count * size


async def test_two_at_once_and_one_that_never_waits(network, contribution, serve, raw):
    async def rule(task: Task):
        yield contribution()
        if task.models == ("greedy",):
            for _ in range(200_000):
                yield Chunk(text="x")
        yield END

    async with serve(network(rule)) as url, anyio.create_task_group() as group:
        client = raw(url)
        async with await client.connect() as stream:
            await stream.send(client.request("POST", CHAT, {**STREAMED, "model": "greedy"}))
            await stream.receive()

            async def read_on() -> None:
                while True:
                    await stream.receive()

            group.start_soon(read_on)
            with anyio.fail_after(10):
                response = await client.ask("POST", CHAT, {**ASKED, "model": "modest"})
            assert response.status == 200
            group.cancel_scope.cancel()


async def test_requests_on_one_connection(network, serve, raw):
    async with serve(network()) as url:
        client = raw(url)
        async with await client.connect() as stream:
            one = client.request("POST", CHAT, ASKED)
            last = client.request("POST", CHAT, ASKED, {"Connection": "close"})
            await stream.send(one + one + last)
            response = await client.read(stream)
    assert response.body.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_answer_that_nobody_ends_in_time(
    is_stream: bool, network, contribution, serve, raw
):
    async def rule(task: Task):
        yield contribution()
        if is_stream:
            yield Chunk(text="x")
        await anyio.sleep_forever()

    answering = network(rule)
    body = {**ASKED, "stream": is_stream, "modelnet": {"deadline_s": 0.01}}
    async with serve(answering) as url:
        response = await raw(url).ask("POST", CHAT, body)
    told = response.events[-1] if is_stream else response.json
    assert response.status == (200 if is_stream else 504)
    assert told["error"]["code"] == "deadline_exceeded"
    assert answering.closed.is_set()


@pytest.mark.parametrize("chunks", [0, 1])
async def test_stopping_ends_answers_and_tells_the_clients(
    chunks: int, network, contribution, serve, raw
):
    begun = anyio.Event()

    async def rule(task: Task):
        yield contribution()
        for _ in range(chunks):
            yield Chunk(text="x")
        begun.set()
        await anyio.sleep_forever()

    answering = network(rule)
    client = None
    with anyio.fail_after(3):
        async with serve(answering) as url:
            client = raw(url)
            idle = await client.connect()
            stream = await client.connect()
            await stream.send(client.request("POST", CHAT, STREAMED))
            await begun.wait()
        async with idle, stream:
            response = await client.read(stream)
            with pytest.raises(anyio.EndOfStream):
                await idle.receive()
    assert answering.closed.is_set()
    told = response.events[-1] if chunks else response.json
    assert told["error"]["code"] == "unavailable"
    assert response.status == (200 if chunks else 503)
    with pytest.raises(OSError, match="connection attempts failed"):
        await client.connect()


async def test_stopping_does_not_wait_for_a_reader_that_stalls(network, contribution, serve, raw):
    async def rule(task: Task):
        yield contribution()
        while True:
            yield Chunk(text="x" * 100_000)

    answering = network(rule)
    with anyio.fail_after(5):
        async with serve(answering) as url:
            client = raw(url)
            stream = await client.connect()
            await stream.send(client.request("POST", CHAT, STREAMED))
            await stream.receive(10)
    assert answering.closed.is_set()
    await stream.aclose()


async def test_stopping_drops_what_a_reader_that_stalls_has_not_read(
    network, contribution, serve, raw
):
    size = 40_000_000

    async def rule(task: Task):
        yield contribution()
        yield Chunk(text="x" * size, finish="stop", usage=Usage(1, 1))

    with anyio.fail_after(10):
        async with serve(network(rule)) as url:
            client = raw(url)
            stream = await client.connect()
            await stream.send(client.request("POST", CHAT, ASKED))
            await stream.receive(10)
        assert len(await client.read_all(stream)) < size
    await stream.aclose()
