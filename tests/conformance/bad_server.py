"""A server of raw bytes: it says what a script tells it to, and keeps what it hears.

Scripts are functions of what was received. `answer`, `events` and `lines` make good replies; the
faults below are bad ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

After: TypeAlias = Literal["keep", "close", "abort", "hang"]
"""What the server does with the connection when it has said what it says."""


class Received(NamedTuple):
    """A request as the server read it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Reply(NamedTuple):
    """The bytes of a reply, head and all, and what comes after them."""

    raw: bytes
    after: After = "keep"

    @property
    def is_stream(self) -> bool:
        """Whether its body comes piece by piece."""
        return b"\r\nTransfer-Encoding: chunked\r\n" in self.raw.partition(b"\r\n\r\n")[0] + b"\r\n"


Script: TypeAlias = Callable[[Received], Reply]


def answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, media: str = "json"
) -> Reply:
    """A whole answer; `body` is bytes, or what becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": f"application/{media}", "Content-Length": str(len(raw))}
    return Reply(_head(status, fields | dict(headers or {})) + raw)


def events(data: Iterable[Any], *, done: bool = True, names: bool = False) -> Reply:
    """A stream of server-sent events, chunked; with `names`, each tells its `type` as its name."""
    raw = [
        (f"event: {one['type']}\n" if names else "") + f"data: {json.dumps(one)}\n\n"
        for one in data
    ]
    return _chunked("text/event-stream", raw + ["data: [DONE]\n\n"] * done)


def lines(data: Iterable[Any]) -> Reply:
    """A stream of lines of JSON, chunked."""
    return _chunked("application/x-ndjson", [json.dumps(one) + "\n" for one in data])


def _chunked(media_type: str, pieces: list[str]) -> Reply:
    head = _head(200, {"Content-Type": media_type, "Transfer-Encoding": "chunked"})
    body = b"".join(b"%x\r\n%b\r\n" % (len(p.encode()), p.encode()) for p in pieces)
    return Reply(head + body + b"0\r\n\r\n")


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Because\r\n{fields}\r\n".encode()


def cut(reply: Reply, after: After = "abort") -> Reply:
    """The reply as far as the middle of its body, and then nothing."""
    head, _, body = reply.raw.partition(b"\r\n\r\n")
    return Reply(head + b"\r\n\r\n" + body[: len(body) // 2], after)


HANGS = Reply(b"", "hang")
VANISHES = Reply(b"", "abort")
NO_HTTP = Reply(b"\x00\xffSSH-2.0-nothing\r\n\r\n", "close")
NO_JSON = answer(b"{]<html>\xff")
ENDLESS_HEAD = Reply(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 18), "hang")
FAILS = answer({"error": {"message": "out of memory"}}, status=500)
GONE = answer({"error": {"message": "the model is not here"}}, status=404)
BUSY = answer({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "7"})


class BadServer:
    """A running server. Set `script` to change what it says from now on."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.received: list[Received] = []
        self.connections = 0
        self.is_left = asyncio.Event()
        """Set when a client went away while the server had more to say, or nothing."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        received = await _receive(reader)
        self.received.append(received)
        reply = self.script(received)
        writer.write(reply.raw)
        await writer.drain()
        if reply.after == "hang":
            await reader.read()
            self.is_left.set()
        if reply.after == "close":
            writer.close()
            await writer.wait_closed()
        return reply.after == "keep"


async def _receive(reader: asyncio.StreamReader) -> Received:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[BadServer]:
    """Run a server on loopback; its connections end with it."""
    server = BadServer(script)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # The event loop closes their sockets.
