"""Engines on this machine are found by what they answer, and nobody waits for those that hang."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest
from aiohttp import web

from modelnet.resource.detection import OTHER, DetectedEngine, detect_engines

pytestmark = pytest.mark.anyio
LISTING = {"object": "list", "data": [{"id": "a:latest"}, {"id": "b"}]}
ENGINES = {
    "llama.cpp": {"/props": {"default_generation_settings": {}}},
    "Ollama": {"/api/tags": {"models": []}, "/api/version": {"version": "1"}},
    "LM Studio": {"/api/v0/models": {"data": []}},
    "vLLM": {"/version": {"version": "0.20"}},
    OTHER: {},
}


class Town:
    """Servers on ports of this machine."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def serve(self, pages: dict[str, object], *, hangs: bool = False) -> int:
        async def handle(request: web.Request) -> web.StreamResponse:
            if hangs and request.path not in pages:
                await anyio.sleep(5)
            page = pages.get(request.path)
            if isinstance(page, str):
                return web.Response(text=page)
            return web.json_response(page, status=404 if page is None else 200)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        yield Town(stack)


@pytest.mark.parametrize("engine", ENGINES)
async def test_each_engine_is_known_by_an_address_of_its_own(town: Town, engine):
    port = await town.serve({"/v1/models": LISTING, **ENGINES[engine]})
    url = f"http://127.0.0.1:{port}"
    assert await detect_engines([port], timeout_s=2) == [
        DetectedEngine(engine, url, ("a:latest", "b"))
    ]


async def test_local_ai_says_it_is_ready(town: Town):
    port = await town.serve({"/v1/models": LISTING, "/readyz": "OK", "/version": {"version": "3"}})
    assert (await detect_engines([port], timeout_s=2))[0].engine == "LocalAI"


async def test_a_server_that_answers_everything_with_an_error_is_known_by_none(town: Town):
    error = {"error": "Unexpected endpoint"}
    pages = dict.fromkeys(("/props", "/api/tags", "/version", "/readyz"), error)
    port = await town.serve({"/v1/models": LISTING, **pages})
    assert (await detect_engines([port], timeout_s=2))[0].engine == OTHER


async def test_its_models_can_be_given_to_up(town: Town):
    port = await town.serve({"/v1/models": LISTING})
    (found,) = await detect_engines([port], timeout_s=2)
    assert found.specifications == (
        f"openai:http://127.0.0.1:{port}#a:latest",
        f"openai:http://127.0.0.1:{port}#b",
    )


async def test_who_is_no_engine_is_not_found(town: Town):
    website = await town.serve({"/v1/models": "<html>"})
    other = await town.serve({"/v1/models": [1, 2]})
    closed = 9
    assert await detect_engines([website, other, closed], timeout_s=2) == []


async def test_ollama_without_models_is_found_all_the_same(town: Town):
    port = await town.serve({"/v1/models": {"object": "list", "data": None}, **ENGINES["Ollama"]})
    (found,) = await detect_engines([port], timeout_s=2)
    assert found.engine == "Ollama"
    assert found.models == ()


async def test_a_server_that_hangs_holds_up_nobody(town: Town):
    silent = await town.serve({}, hangs=True)
    shy = await town.serve({"/v1/models": LISTING, **ENGINES["llama.cpp"]}, hangs=True)
    good = await town.serve({"/v1/models": LISTING, **ENGINES["Ollama"]})
    began = time.monotonic()
    found = await detect_engines([silent, shy, good], timeout_s=0.3)
    assert time.monotonic() - began < 1.0
    assert [engine.engine for engine in found] == ["llama.cpp", "Ollama"]
