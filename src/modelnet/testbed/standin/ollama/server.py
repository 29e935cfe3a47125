"""Ollama's native API, answered by llama.cpp.

Pulls, pushes and creations are not answered. A model that is offered tools calls one at once,
held to its schema by a grammar: models as small as those of the tests would never choose to.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from modelnet.resource.backend.http.client import LINES
from modelnet.resource.backend.ollama.listing import same_model
from modelnet.resource.backend.reasoning import CLOSE, OPEN, ReasoningFilter, phase_after
from modelnet.testbed.standin.engine import EngineRefusalError, Piece
from modelnet.testbed.standin.ollama.answered import Teller, whole
from modelnet.testbed.standin.ollama.asked import (
    MAX_TOP_LOGPROBS,
    Asked,
    ChatAsked,
    GenerateAsked,
    RefusalError,
    Turn,
    llama_messages,
    llama_options,
    opening,
)
from modelnet.testbed.standin.ollama.served import Served
from modelnet.testbed.standin.ollama.version import NEWEST, features_of
from modelnet.testbed.standin.service import Service, StandIn

_TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; "
    "shorten the prompt, or use a model with a longer context length"
)

T = TypeVar("T")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OllamaStandIn(StandIn):
    """An Ollama server of a given version, with these models on its disk."""

    def __init__(self, models: list[Served], *, version: str = NEWEST, port: int = 0) -> None:
        self.models = {model.name: model for model in models}
        self._version = version
        self._features = features_of(version)
        super().__init__(Service(self._app, "ollama", port), self.models.values())

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_refusing])
        app.add_routes(
            [
                web.get("/", self._greet),
                web.get("/api/version", self._tell_version),
                web.get("/api/tags", self._list),
                web.get("/api/ps", self._list_running),
                web.post("/api/show", self._show),
                web.post("/api/chat", self._chat),
                web.post("/api/generate", self._generate),
                web.post("/api/embeddings", self._embed_one),
                web.delete("/api/delete", self._delete),
            ]
        )
        if self._features.embed:
            app.router.add_post("/api/embed", self._embed)
        return app

    async def _greet(self, _request: web.Request) -> web.Response:
        return web.Response(text="A stand-in for Ollama is running")

    async def _tell_version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": self._version})

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"models": [model.listed() for model in self.models.values()]})

    async def _list_running(self, _request: web.Request) -> web.Response:
        now = datetime.now(UTC)
        loaded = [model for model in self.models.values() if model.is_loaded]
        return web.json_response({"models": [model.running(now) for model in loaded]})

    async def _show(self, request: web.Request) -> web.Response:
        body = _read(await request.read(), dict[str, Any])
        model = self._served(str(body.get("model") or body.get("name") or ""))
        return web.json_response(model.shown(self._features))

    async def _delete(self, request: web.Request) -> web.Response:
        body = _read(await request.read(), dict[str, Any])
        model = self._served(str(body.get("model") or body.get("name") or ""))
        del self.models[model.name]
        return web.Response()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = _read(await request.read(), ChatAsked)
        model = self._able(asked, tools=bool(asked.tools), images=_has_images(asked.messages))
        if not asked.messages:
            return web.json_response(_loaded(asked) | {"message": {"role": "assistant"}})
        prompt = await self._rendered(model, asked)
        if asked.render_only and self._features.render:
            debug = {"_debug_info": {"rendered_template": prompt}, "done": False}
            return web.json_response({"model": asked.model, "message": {}, **debug})
        return await self._answer(request, model, asked, prompt)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        asked = _read(await request.read(), GenerateAsked)
        model = self._able(asked, images=bool(asked.images))
        if asked.raw and (asked.template or asked.system or asked.context):
            raise RefusalError(400, "raw mode does not support template, system, or context")
        if asked.suffix:
            raise RefusalError(400, f"registry.ollama.ai/{model.name} does not support insert")
        if not asked.prompt:
            return web.json_response(_loaded(asked) | {"response": ""})
        prompt = asked.prompt
        if not asked.raw:
            prompt = await model.engine.render(llama_messages(asked.turns))
        return await self._answer(request, model, asked, prompt)

    async def _rendered(self, model: Served, asked: ChatAsked) -> str:
        *turns, last = asked.messages
        begun = opening(last, thinks=model.thinks) if last.role == "assistant" else ""
        prompt = await model.engine.render(
            llama_messages(turns if begun else asked.messages), asked.tools or None
        )
        if not begun and model.thinks and asked.think is False:
            prompt += OPEN + CLOSE
        return prompt + begun

    async def _answer(
        self, request: web.Request, model: Served, asked: Asked, prompt: str
    ) -> web.StreamResponse:
        model.is_loaded = True
        phase = phase_after(prompt, "", "")
        is_split = model.thinks and self._features.think
        teller = Teller(asked, ReasoningFilter(phase) if is_split else None, time.monotonic())
        options = llama_options(asked, self._features)
        if not self._features.logprobs:
            asked.logprobs = False
        async with aclosing(_pieces(model, prompt, options, asked)) as pieces:
            first = await anext(pieces)
            if asked.stream:
                return await _stream(request, teller, first, pieces)
            told = [_line(teller, first), *[_line(teller, piece) async for piece in pieces]]
            return web.json_response(whole([line for line in told if line is not None]))

    async def _embed(self, request: web.Request) -> web.Response:
        body = _read(await request.read(), dict[str, Any])
        model = self._served(str(body.get("model", "")))
        given = body.get("input", [])
        inputs = [given] if isinstance(given, str) else list(given)
        vectors, tokens = await self._vectors(model, inputs)
        return web.json_response(
            {
                "model": body["model"],
                "embeddings": vectors,
                "total_duration": 1,
                "load_duration": 1,
                "prompt_eval_count": tokens,
            }
        )

    async def _embed_one(self, request: web.Request) -> web.Response:
        body = _read(await request.read(), dict[str, Any])
        model = self._served(str(body.get("model", "")))
        vectors, _ = await self._vectors(model, [str(body.get("prompt", ""))])
        return web.json_response({"embedding": vectors[0]})

    async def _vectors(self, model: Served, inputs: list[str]) -> tuple[list[list[float]], int]:
        model.is_loaded = True
        try:
            return await model.engine.embed(inputs)
        except EngineRefusalError as error:
            raise RefusalError(400, "the input length exceeds the context length") from error

    def _served(self, name: str) -> Served:
        if not name:
            raise RefusalError(400, "model is required")
        for served in self.models.values():
            if same_model(name, served.name):
                return served
        raise RefusalError(404, f"model '{name}' not found")

    def _able(self, asked: Asked, *, tools: bool = False, images: bool = False) -> Served:
        """Return the model asked for, unless it lacks what the request needs."""
        model = self._served(asked.model)
        needed = ["completion"] + ["tools"] * tools + ["vision"] * images
        for capability in needed:
            if capability not in model.capabilities:
                told = f"registry.ollama.ai/library/{model.name} does not support {capability}"
                raise RefusalError(400, told)
        if asked.think and not model.thinks:
            raise RefusalError(400, f'"{asked.model}" does not support thinking')
        if not 0 <= asked.top_logprobs <= MAX_TOP_LOGPROBS:
            raise RefusalError(400, "top_logprobs must be between 0 and 20")
        return model


@web.middleware
async def _refusing(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusalError as error:
        return web.json_response({"error": str(error)}, status=error.status)


async def _pieces(
    model: Served, prompt: str, options: dict[str, Any], asked: Asked
) -> AsyncGenerator[Piece, None]:
    """Yield the answer; a prompt that is too long is cut from its front, unless that is refused."""
    while True:
        try:
            async with aclosing(model.engine.complete(prompt, options)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineRefusalError as error:
            if not error.is_too_long:
                raise RefusalError(error.status, str(error)) from error
            if not asked.truncate:
                raise RefusalError(400, _TOO_LONG) from error
            prompt = prompt[len(prompt) // 2 :]
        else:
            return


async def _stream(
    request: web.Request, teller: Teller, first: Piece, rest: AsyncGenerator[Piece, None]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": LINES})
    await response.prepare(request)
    await _write(response, _line(teller, first))
    async for piece in rest:
        await _write(response, _line(teller, piece))
    return response


async def _write(response: web.StreamResponse, line: dict[str, Any] | None) -> None:
    if line is not None:
        await response.write(msgspec.json.encode(line) + b"\n")


def _line(teller: Teller, piece: Piece) -> dict[str, Any] | None:
    return teller.line(piece, datetime.now(UTC), time.monotonic())


def _loaded(asked: Asked) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"model": asked.model, "created_at": now, "done": True, "done_reason": "load"}


def _has_images(turns: list[Turn]) -> bool:
    return any(turn.images for turn in turns)


def _read(body: bytes, kind: type[T]) -> T:
    if not body:
        raise RefusalError(400, "missing request body")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise RefusalError(400, str(error)) from error
