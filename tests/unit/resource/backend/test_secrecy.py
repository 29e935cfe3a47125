"""Keys go to their server, and nowhere else: not into logs, errors, cards or reprs."""

import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from modelnet.core.error import ModelnetError
from modelnet.core.request import Chat, Message
from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.backend.http.secrecy import BLOT, keeping
from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint
from modelnet.resource.model import Model
from tests.conformance.bad_engines import anthropic_script, ollama_script
from tests.conformance.bad_server import (
    BadServer,
    Received,
    Reply,
    Script,
    answer,
    events,
    lines,
    serving,
)

pytestmark = pytest.mark.anyio
KEY = "sk-very-secret-42"
ENVIRONMENT = {"KEY_OF_TEST": KEY}
ASK = Chat((Message("user", "tell"),))


def ollama(url: str) -> Model:
    return OllamaModel(ollama_endpoint(f"{url}#m;key=KEY_OF_TEST"), environment=ENVIRONMENT)


def anthropic(url: str) -> Model:
    return AnthropicModel(anthropic_endpoint(f"{url}#m;key=KEY_OF_TEST"), environment=ENVIRONMENT)


def told(received: Received) -> str:
    """Return what a careless server repeats of a request: all of it."""
    return f"bad request with {dict(received.headers)}"


def whole(status: int) -> Script:
    return lambda received: answer({"error": {"message": told(received)}}, status=status)


def in_the_stream(received: Received) -> Reply:
    if "messages" in received.path:
        error = {"type": "api_error", "message": told(received)}
        return events([{"type": "error", "error": error}], done=False)
    return lines([{"error": told(received)}])


def elsewhere(url: str) -> Script:
    return lambda _: Reply(
        f"HTTP/1.1 307 Elsewhere\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()
    )


async def hear(model: Model) -> None:
    async with aclosing(model.run(ASK, deadline=time.time() + 10)) as chunks:
        async for _ in chunks:
            pass


async def failure_of(model: Model) -> ModelnetError:
    with pytest.raises(ModelnetError) as caught:
        await hear(model)
    return caught.value


@pytest.fixture(
    params=[(ollama, ollama_script({})), (anthropic, anthropic_script({}))],
    ids=["ollama", "anthropic"],
)
def engine(request: pytest.FixtureRequest) -> tuple[Callable[[str], Model], Script]:
    return request.param


async def test_a_key_is_only_ever_in_requests_to_its_server(
    engine: tuple[Callable[[str], Model], Script], caplog: pytest.LogCaptureFixture
):
    make, well = engine
    caplog.set_level(logging.DEBUG)
    async with serving(well) as server, serving(well) as other:
        model = make(server.url)
        await model.start()
        assert any(KEY in str(received.headers) for received in server.received)
        failures: list[Any] = []
        statuses = (400, 401, 403, 404, 429, 500, 529)
        faults = [*map(whole, statuses), in_the_stream, elsewhere(other.url)]
        for fault in faults:
            server.script = fault
            failures.append(await failure_of(model))
            failures.append(await failure_of_start(make, server))
        assert other.received == []
        await model.stop()
    seen = [*map(str, failures), *map(repr, failures), caplog.text, repr(model)]
    seen.append(msgspec.json.encode(model.card).decode())
    assert any(BLOT in one for one in seen)
    for one in seen:
        assert KEY not in one


async def failure_of_start(make: Callable[[str], Model], server: BadServer) -> ModelnetError:
    with pytest.raises(ModelnetError) as caught:
        await make(server.url).start()
    return caught.value


def test_an_error_keeps_all_but_the_key():
    with pytest.raises(ModelnetError) as caught, keeping(KEY):
        raise ModelnetError(f"a {KEY} b", retry_after_s=3.0)
    assert caught.value.message == str(caught.value) == f"a {BLOT} b"
    assert caught.value.retry_after_s == 3.0
    with pytest.raises(ModelnetError, match="a b"), keeping(None):
        raise ModelnetError("a b")


@pytest.mark.parametrize("key", ["sk\r\nX: y", "sk\n"])
def test_a_key_that_breaks_its_line_is_not_repeated(key: str):
    environment = {"KEY_OF_TEST": key}
    for make, endpoint in (
        (OllamaModel, ollama_endpoint("http://127.0.0.1:9#m;key=KEY_OF_TEST")),
        (AnthropicModel, anthropic_endpoint("http://127.0.0.1:9#m;key=KEY_OF_TEST")),
    ):
        with pytest.raises(ModelnetError) as caught:
            make(endpoint, environment=environment)
        assert key not in caught.value.message
