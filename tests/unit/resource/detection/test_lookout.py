"""Engines on this machine are found by what they answer, and nobody waits for those that hang."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest
from aiohttp import web

from modelnet.resource.detection import Lookout, detect_engines

pytestmark = pytest.mark.anyio
LISTING = {"object": "list", "data": [{"id": "a:latest"}, {"id": "b"}]}
LLAMA = {"/v1/models": LISTING, "/props": {"default_generation_settings": {}}}
OLLAMA = {"/api/tags": {"models": [{"name": "a:latest"}]}}
TRITON = {
    "/v2": {"name": "triton", "version": "2.60.0", "extensions": ["model_repository"]},
    "/v2/repository/index": [{"name": "resnet", "version": "1", "state": "READY"}],
}


class Locked:
    """A page for who has a key."""

    def __init__(self, body: object) -> None:
        self.body = body


UNAUTHORIZED = Locked({"error": "Unauthorized"})


class Town:
    """Servers on ports of this machine."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.asked: list[tuple[str, str]] = []

    async def serve(self, pages: dict[str, object], *, hangs: bool = False, port: int = 0) -> int:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked.append((request.method, request.path))
            if hangs and request.path not in pages:
                await anyio.sleep(5)
            page = pages.get(request.path)
            if isinstance(page, Locked):
                return web.json_response(page.body, status=401)
            if isinstance(page, str):
                return web.Response(text=page)
            return web.json_response(page, status=404 if page is None else 200)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner.addresses[0][1]


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        yield Town(stack)


async def test_engines_are_found_with_their_models_in_order_of_ports(town: Town):
    ollama, triton, llama = [await town.serve(pages) for pages in (OLLAMA, TRITON, LLAMA)]
    found = await detect_engines([llama, ollama, triton], timeout_s=2)
    assert [(one.engine, one.models) for one in found] == [
        ("llama.cpp", ("a:latest", "b")),
        ("Ollama", ("a:latest",)),
        ("Triton", ("resnet",)),
    ]
    assert found[2].specifications == (f"oip:http://127.0.0.1:{triton}#resnet",)


async def test_nobody_is_asked_for_lists_of_a_protocol_he_does_not_speak(town: Town):
    port = await town.serve(LLAMA)
    await detect_engines([port], timeout_s=2)
    assert {method for method, _ in town.asked} == {"GET"}
    assert "/v2/models" not in {path for _, path in town.asked}


async def test_who_is_no_engine_is_not_found(town: Town):
    website = await town.serve({"/v1/models": "<html>"})
    other = await town.serve({"/v1/models": [1, 2]})
    closed = 9
    assert await detect_engines([website, other, closed], timeout_s=2) == []


async def test_a_server_that_hangs_holds_up_nobody(town: Town):
    silent = await town.serve({}, hangs=True)
    shy = await town.serve(LLAMA, hangs=True)
    good = await town.serve(OLLAMA, hangs=True)
    with anyio.fail_after(20):
        found = await detect_engines([silent, shy, good], timeout_s=2)
    assert [engine.engine for engine in found] == ["llama.cpp", "Ollama"]


async def test_a_page_without_end_is_not_read_to_it(town: Town):
    port = await town.serve({**LLAMA, "/version": "x" * 5_000_000})
    (found,) = await detect_engines([port], timeout_s=5)
    assert found.engine == "llama.cpp"


class TestLookout:
    async def test_a_server_that_starts_later_is_found(self, town: Town):
        pages: dict[str, object] = {}
        port = await town.serve(pages)
        now = 0.0
        lookout = Lookout([port], timeout_s=2, clock=lambda: now)
        assert await lookout.look() == []
        pages.update(LLAMA)
        assert await lookout.look() == []  # It was no engine's port: not asked again so soon.
        now = 60.0
        assert [one.engine for one in await lookout.look()] == ["llama.cpp"]

    async def test_models_come_and_go(self, town: Town):
        pages = dict(OLLAMA)
        lookout = Lookout([await town.serve(pages)], timeout_s=2)
        assert [one.models for one in await lookout.look()] == [("a:latest",)]
        pages["/api/tags"] = {"models": [{"name": "b"}, {"name": "c"}]}
        assert [one.models for one in await lookout.look()] == [("b", "c")]
        pages["/api/tags"] = {"models": []}
        assert [one.models for one in await lookout.look()] == [()]

    async def test_a_known_engine_is_asked_for_its_list_and_nothing_else(self, town: Town):
        lookout = Lookout([await town.serve(LLAMA)], timeout_s=2)
        await lookout.look()
        town.asked.clear()
        await lookout.look()
        assert town.asked == [("GET", "/v1/models")]

    async def test_one_that_left_is_gone_at_once_and_found_again(self, town: Town):
        async with AsyncExitStack() as life:
            port = await Town(life).serve(OLLAMA)
            lookout = Lookout([port], timeout_s=2)
            assert len(await lookout.look()) == 1
        assert await lookout.look() == []
        await town.serve(LLAMA, port=port)
        assert [one.engine for one in await lookout.look()] == ["llama.cpp"]

    async def test_one_that_is_too_busy_to_answer_is_still_here(self, town: Town):
        pages = dict(OLLAMA)
        lookout = Lookout([await town.serve(pages, hangs=True)], timeout_s=1)
        before = await lookout.look()
        del pages["/api/tags"]
        assert await lookout.look() == before != []

    async def test_one_that_became_another_is_met_anew(self, town: Town):
        pages = dict(OLLAMA)
        lookout = Lookout([await town.serve(pages)], timeout_s=2)
        await lookout.look()
        pages.clear()
        pages.update(LLAMA)
        assert await lookout.look() == []
        assert [one.engine for one in await lookout.look()] == ["llama.cpp"]


async def test_who_wants_a_key_is_found_if_it_shows_who_it_is(town: Town):
    vllm = await town.serve({"/v1/models": UNAUTHORIZED, "/version": {"version": "0.11.0"}})
    anybody = await town.serve({"/v1/models": UNAUTHORIZED})
    fault = Locked({"error": {"code": "invalid_api_key", "fault": "asker"}})
    node = await town.serve({"/v1/models": fault, "/version": {"version": "1"}})
    (found,) = await detect_engines([vllm, anybody, node], timeout_s=2)
    assert (found.engine, found.models, found.needs_key) == ("vLLM", (), True)
    assert found.specifications == ()
    assert found.specification_with_key == f"openai:{found.url}#MODEL;key=MY_KEY"


async def test_who_wants_a_key_no_more_is_served_and_who_is_gone_is_forgotten(town: Town):
    pages: dict[str, object] = {"/v1/models": UNAUTHORIZED, "/version": {"version": "0.11.0"}}
    lookout = Lookout([await town.serve(pages)], timeout_s=2)
    assert [one.needs_key for one in await lookout.look()] == [True]
    assert [one.needs_key for one in await lookout.look()] == [True]
    pages["/v1/models"] = LISTING
    assert [(one.needs_key, one.models) for one in await lookout.look()] == [
        (False, ("a:latest", "b"))
    ]
    pages["/v1/models"] = UNAUTHORIZED
    await lookout.look()
    assert [one.needs_key for one in await lookout.look()] == [True]
    pages.clear()
    assert await lookout.look() == []
