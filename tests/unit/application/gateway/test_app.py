"""The application by itself: ASGI's messages in, ASGI's messages out."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import pytest

from modelnet.application.gateway.access import Access
from modelnet.application.gateway.app import Gateway
from modelnet.application.gateway.endpoint import LINES, EventStream, HttpRequest, Reply
from modelnet.application.gateway.exchange import LINK
from modelnet.application.gateway.meter import Meter
from modelnet.core.error import StorageError

pytestmark = pytest.mark.anyio


class Client:
    """The other end: sends one request, takes what comes until told to stall."""

    def __init__(self, *parts: bytes, headers: dict[bytes, bytes] | None = None) -> None:
        self.departures: set[Callable[[], None]] = set()
        self.sent: list[dict[str, Any]] = []
        self.is_aborted = False
        self.takes = 1_000_000
        self._headers = list((headers or {}).items())
        self._parts = [
            {"type": "http.request", "body": part, "more_body": part is not parts[-1]}
            for part in parts
        ]

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": self._headers,
            "state": {LINK: self},
        }

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    def abort(self) -> None:
        self.is_aborted = True

    async def receive(self) -> dict[str, Any]:
        return self._parts.pop(0) if self._parts else {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.sent) >= self.takes:
            await anyio.sleep_forever()
        self.sent.append(message)


def gateway(endpoint: Callable[[HttpRequest], Any], **limits: Any) -> Gateway:
    return Gateway({("POST", "/"): endpoint}, access=Access(), meter=Meter(), **limits)


async def same(request: HttpRequest) -> Reply:
    return Reply(body=request.body)


async def test_a_body_in_parts():
    client = Client(b"a", b"", b"bc")
    await gateway(same)(client.scope, client.receive, client.send)
    assert client.body == b"abc"


async def test_a_client_that_leaves_before_its_body_is_whole():
    client = Client()
    await gateway(same)(client.scope, client.receive, client.send)
    assert client.sent == []


@pytest.mark.parametrize("declared", [b"4", b"9" * 5000, b"-1", b"x"])
async def test_the_size_declared_is_not_believed(declared: bytes):
    client = Client(b"abcd", headers={b"content-length": declared})
    await gateway(same, max_body_bytes=3)(client.scope, client.receive, client.send)
    assert client.sent[0]["status"] == 413


async def test_an_endless_body_is_not_read_to_its_end():
    client = Client(*[b"%03d" % index for index in range(1000)])
    await gateway(same, max_body_bytes=3)(client.scope, client.receive, client.send)
    assert client.sent[0]["status"] == 413
    assert (await client.receive())["body"] < b"010"


async def test_events_that_are_all_ready_leave_turns_to_others():
    seen: list[int] = []
    client = Client(b"")

    async def events() -> AsyncGenerator[bytes, None]:
        for _ in range(1000):
            yield b"e"

    async def stream(_: HttpRequest) -> EventStream:
        return EventStream(events=events())

    async def watch() -> None:
        while True:
            seen.append(len(client.sent))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await gateway(stream)(client.scope, client.receive, client.send)
        group.cancel_scope.cancel()
    assert len(seen) > 10
    assert client.body == b"e" * 1000


@pytest.mark.parametrize("takes", [0, 1, 3])
async def test_a_reader_that_stalls_past_the_limit_is_cut_off(takes: int):
    client = Client(b"")
    client.takes = takes
    is_closed = False

    async def events() -> AsyncGenerator[bytes, None]:
        nonlocal is_closed
        try:
            while True:
                yield b"e"
        finally:
            is_closed = True

    async def stream(request: HttpRequest) -> EventStream:
        request.allow(0.01)
        return EventStream(events=events())

    with anyio.fail_after(5):
        await gateway(stream)(client.scope, client.receive, client.send)
    assert is_closed
    assert client.is_aborted
    assert client.departures == set()


async def test_a_reply_that_has_begun_is_not_mixed_with_an_error():
    client = Client(b"")
    client.takes = 1

    async def slow(request: HttpRequest) -> Reply:
        request.allow(0.01)
        return Reply(body=b"whole")

    await gateway(slow)(client.scope, client.receive, client.send)
    assert [message["type"] for message in client.sent] == ["http.response.start"]
    assert client.is_aborted


async def test_after_closing_everyone_is_sent_away():
    closed = gateway(same)
    closed.close()
    client = Client(b"a")
    await closed(client.scope, client.receive, client.send)
    assert client.sent[0]["status"] == 503


async def test_a_stream_of_nothing_is_whole():
    client = Client(b"")

    async def events() -> AsyncGenerator[bytes, None]:
        for event in ():
            yield event

    async def stream(_: HttpRequest) -> EventStream:
        return EventStream(events=events(), media_type=LINES)

    await gateway(stream)(client.scope, client.receive, client.send)
    assert client.sent[0]["status"] == 200
    assert (b"content-type", LINES) in client.sent[0]["headers"]
    assert client.body == b""
    assert client.sent[-1].get("more_body", False) is False


async def test_an_error_in_a_stream_of_lines_is_a_line():
    client = Client(b"")

    async def lines() -> AsyncGenerator[bytes, None]:
        yield b"{}\n"
        raise StorageError("The disk is gone.")

    async def stream(_: HttpRequest) -> EventStream:
        return EventStream(events=lines(), media_type=LINES)

    await gateway(stream)(client.scope, client.receive, client.send)
    first, last = client.body.splitlines()
    assert first == b"{}"
    assert json.loads(last)["error"]["message"] == "The disk is gone."


async def test_keys_tell_their_owners_apart_and_are_not_told():
    async def who(request: HttpRequest) -> Reply:
        return Reply(body=request.owner.encode())

    async def owner(access: Access, key: bytes) -> bytes:
        client = Client(b"", headers={b"authorization": key})
        served = Gateway({("POST", "/"): who}, access=access, meter=Meter())
        await served(client.scope, client.receive, client.send)
        return client.body

    keyed = Access(["anns-key", "bobs-key"])
    ann, bob = await owner(keyed, b"Bearer anns-key"), await owner(keyed, b"bearer  bobs-key")
    assert ann != bob
    assert b"key" not in ann + bob
    assert ann == await owner(keyed, b"BEARER anns-key ")
    assert await owner(Access(), b"Bearer none") == await owner(Access(), b"") == b""
