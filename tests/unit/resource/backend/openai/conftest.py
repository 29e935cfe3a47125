"""A small real server that speaks OpenAI's API, well or badly, as each test wants."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CHATTED = {"choices": [{"message": {"role": "assistant", "content": "a"}, "logprobs": None}]}


def event(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one event of a streamed chat."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}]}


async def stream(
    request: web.Request, events: list[Any], *, ends: bool = True
) -> web.StreamResponse:
    """Send events; `ends` says whether in good order."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for data in events:
        raw = data if isinstance(data, str) else json.dumps(data)
        await response.write(f"data: {raw}\n\n".encode())
    if ends:
        await response.write(b"data: [DONE]\n\n")
    elif request.transport is not None:
        request.transport.abort()
    return response


class Upstream:
    """The server: probes are answered, and streamed chats are what `chat` makes of them."""

    def __init__(self) -> None:
        self.url = ""
        self.models: Any = {"data": [{"id": "m", "max_model_len": 512}]}
        self.chat: Handler = self._say_hello
        self.probe: Handler = self._probed
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.extra: dict[str, Handler] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer anything."""
        self.authorizations.append(request.headers.get("Authorization"))
        if request.path == "/v1/models":
            return web.json_response(self.models)
        if request.path in self.extra:
            return await self.extra[request.path](request)
        if request.path != "/v1/chat/completions":
            return web.json_response({"error": {"message": "no such thing"}}, status=404)
        body = await request.json()
        if not body.get("stream"):
            return await self.probe(request)
        self.requests.append(body)
        return await self.chat(request)

    async def _probed(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(CHATTED)

    async def _say_hello(self, request: web.Request) -> web.StreamResponse:
        usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        return await stream(request, [event("Hel"), event("lo", "stop"), usage])


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A running server."""
    made = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def connect(upstream: Upstream) -> AsyncIterator[Callable[..., Awaitable[OpenAIModel]]]:
    """Start models of the server; they are stopped with the test."""
    async with AsyncExitStack() as stack:

        async def start(suffix: str = "#m") -> OpenAIModel:
            model = OpenAIModel(openai_endpoint(upstream.url + suffix))
            await model.start()
            stack.push_async_callback(model.stop)
            return model

        yield start
