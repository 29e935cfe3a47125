"""Anthropic's Messages API, answered by llama.cpp.

A model that is offered tools calls one at once, held to its schema by a grammar: models as small
as those of the tests would never choose to. Thinking comes from models that write `<think>`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import msgspec
from aiohttp import web

from modelnet.resource.backend.reasoning import ReasoningFilter
from modelnet.testbed.standin.anthropic.answered import REFUSED, Event, Teller, whole
from modelnet.testbed.standin.anthropic.asked import (
    Asked,
    RefusalError,
    checked,
    llama_messages,
    llama_options,
    llama_tools,
)
from modelnet.testbed.standin.anthropic.served import Served
from modelnet.testbed.standin.engine import EngineRefusalError, Piece
from modelnet.testbed.standin.service import Service, StandIn

RETRY_AFTER_S = 7

_EVENTS = "text/event-stream"
_RATE_LIMITED = 429
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AnthropicStandIn(StandIn):
    """The Messages API with one key and these models."""

    def __init__(self, models: list[Served], *, key: str, port: int = 0) -> None:
        self.models = {model.name: model for model in models}
        self.refuses_with: int | None = None
        """429 or 529, to have it refuse whatever is asked."""
        self._key = key
        super().__init__(Service(self._app, "anthropic", port), self.models.values())

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/v1/models", self._list),
                web.get("/v1/models/{name}", self._tell),
                web.post("/v1/messages", self._answer),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            self._check(request)
            return await handler(request)
        except RefusalError as error:
            busy = {"retry-after": str(RETRY_AFTER_S)} if error.status == _RATE_LIMITED else None
            return web.json_response(error.body(), status=error.status, headers=busy)

    def _check(self, request: web.Request) -> None:
        if request.headers.get("x-api-key") != self._key:
            raise RefusalError(401, "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise RefusalError(400, "anthropic-version: header is required")
        if self.refuses_with is not None:
            raise RefusalError(self.refuses_with, "Overloaded")

    async def _list(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "20"))
        told = [model.told() for model in self.models.values()][:limit]
        return web.json_response(
            {
                "data": told,
                "has_more": limit < len(self.models),
                "first_id": told[0]["id"] if told else None,
                "last_id": told[-1]["id"] if told else None,
            }
        )

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response(self._served(request.match_info["name"]).told())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = _read(await request.read())
        model = self._served(asked.model)
        checked(asked, model)
        messages = llama_messages(asked, sees=model.sees)
        prompt = await model.engine.render(messages, llama_tools(asked))
        if asked.begun is not None:
            prompt += "".join(block.text for block in asked.begun.blocks)
        teller = Teller(asked, ReasoningFilter() if model.thinks and not asked.begun else None)
        async with aclosing(_events(model, prompt, asked, teller)) as events:
            first = await anext(events)
            if asked.stream:
                return await _stream(request, first, events)
            return web.json_response(whole([first, *[event async for event in events]]))

    def _served(self, name: str) -> Served:
        if name not in self.models:
            raise RefusalError(404, f"model: {name}")
        return self.models[name]


async def _events(
    model: Served, prompt: str, asked: Asked, teller: Teller
) -> AsyncGenerator[Event, None]:
    if REFUSED in prompt:
        for event in _refusal(teller):
            yield event
        return
    has_begun = False
    try:
        async with aclosing(model.engine.complete(prompt, llama_options(asked))) as pieces:
            async for piece in pieces:
                if not has_begun:
                    has_begun = True
                    for event in teller.start(piece.tokens_evaluated):
                        yield event
                for event in teller.piece(piece):
                    yield event
    except EngineRefusalError as error:
        told = f"prompt is too long: more than {model.engine.context_length} tokens maximum"
        raise RefusalError(400, told if error.is_too_long else str(error)) from error


def _refusal(teller: Teller) -> list[Event]:
    *_, stop = teller.piece(Piece(stop=True))
    usage = {"output_tokens": 1}
    end = {"stop_reason": "refusal", "stop_sequence": None}
    return [*teller.start(1), {"type": "message_delta", "delta": end, "usage": usage}, stop]


async def _stream(
    request: web.Request, first: Event, rest: AsyncGenerator[Event, None]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _EVENTS})
    await response.prepare(request)
    await _write(response, first)
    async for event in rest:
        await _write(response, event)
    return response


async def _write(response: web.StreamResponse, event: Event) -> None:
    name = event["type"].encode()
    await response.write(b"event: %b\ndata: %b\n\n" % (name, msgspec.json.encode(event)))


def _read(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.DecodeError as error:
        raise RefusalError(400, _as_told(str(error))) from error


def _as_told(message: str) -> str:
    return message.replace("Object missing required field", "Field required:")
