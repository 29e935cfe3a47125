"""A real gateway on a real socket, in front of a network that answers as a test says."""

import json
import struct
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream
from anyio.from_thread import start_blocking_portal

from modelnet.application.gateway.server import Address, serve_gateway
from modelnet.core.card import ModelCard
from modelnet.core.chunk import Alternative, Chunk, Token, Usage
from modelnet.core.identity import NodeId
from modelnet.core.request import Chat, Complete, Embed
from modelnet.core.task import Contribution, Task
from modelnet.resource.directory import Directory, NodeEntry, Offer

NODE = NodeId("did:key:z6MkAliceAlic")
Items = AsyncGenerator[Chunk | Contribution, None]

OFFER = Offer(
    node=NODE,
    node_name="alice",
    card=ModelCard(name="echo", operations=("chat", "complete", "embed"), engine="scripted"),
    is_local=True,
)


def by(model: str = "echo") -> Contribution:
    return Contribution(node=NODE, model=model, because="the test says so")


async def echo(task: Task) -> Items:
    """Answer with the prompt, a word a chunk."""
    yield by()
    request = task.request
    if isinstance(request, Embed):
        vectors = tuple(struct.pack("<2f", len(text), 0.5) for text in request.inputs)
        yield Chunk(vectors=vectors, finish="stop", usage=Usage(len(request.inputs), 0))
        return
    words = request.prompt.split()
    for word in words:
        yield Chunk(text=word + " ", tokens=_tokens(word + " ", request))
    yield Chunk(finish="stop", usage=Usage(len(words), len(words)))


def _tokens(text: str, request: Chat | Complete) -> tuple[Token, ...]:
    count = request.sampling.top_logprobs
    if count is None:
        return ()
    raw = text.encode()
    return (Token(text, -0.25, raw, (Alternative(text, -0.25, raw),) * count),)


class ScriptedNetwork:
    """Answers tasks by a rule; remembers them, and that their answers were closed."""

    def __init__(self, rule: Callable[[Task], Items] = echo) -> None:
        self._rule = rule
        self.tasks: list[Task] = []
        self.closed = anyio.Event()

    async def answer(self, task: Task) -> Items:
        self.tasks.append(task)
        try:
            async with aclosing(self._rule(task)) as items:
                async for item in items:
                    yield item
        finally:
            self.closed.set()

    @property
    def directory(self) -> Directory:
        entry = NodeEntry(node=NODE, since=0, name="alice", cards=(OFFER.card,))
        return Directory(NODE, {NODE: entry})

    def offers(self) -> tuple[Offer, ...]:
        return (OFFER,)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """What the server-sent events of the body hold."""
        blocks = dechunked(self.body).decode().split("\n\n")
        return [
            text if text == "[DONE]" else json.loads(text)
            for text in (block.removeprefix("data: ") for block in blocks if block)
        ]


def dechunked(body: bytes) -> bytes:
    """Undo HTTP's chunked encoding, as far as the body goes."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)


class RawClient:
    """Writes HTTP by hand, to send what no client library would."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.host = host.strip("[]")
        self.port = int(port)

    async def connect(self) -> SocketStream:
        return await anyio.connect_tcp(self.host, self.port)

    @staticmethod
    def request(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> bytes:
        raw = body if isinstance(body, bytes) else b"" if body is None else encoded(body)
        sent = {"Host": "localhost", "Content-Length": str(len(raw)), **(headers or {})}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items()), "", ""]
        return "\r\n".join(lines).encode() + raw

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        headers = {"Connection": "close", **(headers or {})}
        async with await self.connect() as stream:
            await stream.send(self.request(method, path, body, headers))
            return await self.read(stream)

    @staticmethod
    async def read(stream: SocketStream) -> Response:
        """Read one response, up to the end of the connection."""
        head, _, body = (await RawClient.read_all(stream)).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        return Response(int(first.split()[1]), headers, body)

    @staticmethod
    async def read_all(stream: SocketStream) -> bytes:
        """Read up to the end of the connection."""
        raw = bytearray()
        with anyio.fail_after(10), suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                raw += await stream.receive(1_000_000)
        return bytes(raw)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def network() -> Callable[..., ScriptedNetwork]:
    """Make a network that answers by a rule; without one it echoes."""
    return ScriptedNetwork


@pytest.fixture
def contribution() -> Callable[..., Contribution]:
    """Make what announces the chunks of a model."""
    return by


@pytest.fixture
def serve() -> Callable[..., AbstractAsyncContextManager[str]]:
    """Serve a gateway in front of a network on a free port of loopback."""
    return partial(serve_gateway, listen=Address())


@pytest.fixture
def raw() -> type[RawClient]:
    """Write HTTP by hand."""
    return RawClient


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    """The URL of a gateway in another thread, for clients that block."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve_gateway(ScriptedNetwork())) as url,
    ):
        yield url
