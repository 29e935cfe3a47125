"""The engines that are measured: each started, with its adapter and its direct way."""

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from modelnet.application.demo.process import Fleet
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.model import Model
from modelnet.resource.specification import model_from
from modelnet.resource.zoo import FOLDER
from modelnet.testbed.bench.engine.direct import http_lane, http_request
from modelnet.testbed.bench.engine.measure import Pair

QUESTION = "What is 12 plus 5?"
ZOO_FILE = FOLDER / "calc.gguf"
MAX_TOKENS = 24
CHAT = Chat((Message("user", QUESTION),), Sampling(max_tokens=MAX_TOKENS, temperature=0.0))

Contestant: TypeAlias = Callable[[Fleet, Path], AbstractAsyncContextManager[Pair]]
"""Starts an engine; the path is a folder for its files."""


@asynccontextmanager
async def _started(specification: str) -> AsyncGenerator[Model]:
    model = model_from(specification)
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


async def _server(fleet: Fleet, name: str, *module: str) -> str:
    """Start a server that prints its address, and return that."""
    child = await fleet.start(name, [sys.executable, "-m", *module])
    return (await child.first_line()).decode().strip()


def _lane(url: str, body: Any, **headers: str) -> Any:
    request = http_request(url, body, headers)
    return lambda: http_lane(url, request)


@asynccontextmanager
async def embedded(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """llama.cpp in this process."""
    from modelnet.testbed.bench.engine.server import llama_server

    server = llama_server(str(ZOO_FILE))
    body = msgspec.json.encode(
        {"prompt": f"{QUESTION}\n", "stream": True, "max_tokens": MAX_TOKENS, "temperature": 0.0}
    )
    async with _started("zoo:calc") as model:
        yield Pair(
            name="embedded",
            model=model,
            request=CHAT,
            call=lambda: server.handle_completions(body, _go_on),
        )


def _go_on(_: bytes) -> bool:
    return False


@asynccontextmanager
async def openai(fleet: Fleet, _: Path) -> AsyncGenerator[Pair]:
    """llama.cpp's server, asked in OpenAI's words."""
    url = await _server(fleet, "openai", _LLAMA, str(ZOO_FILE))
    async with _started(f"openai:{url}") as model:
        yield Pair(
            name="openai",
            model=model,
            request=CHAT,
            open_lane=_lane(f"{url}/v1/chat/completions", _openai_body()),
        )


_LLAMA = "modelnet.testbed.bench.engine.server"


def _openai_body() -> dict[str, Any]:
    return {
        "model": "calc",
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": MAX_TOKENS,
        "temperature": 0.0,
    }


def answer(prompt: str) -> str:
    """Return what a function that costs nothing says."""
    return prompt


@asynccontextmanager
async def function(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """A Python function."""
    async with _started("python:modelnet.testbed.bench.engine.contestant:answer") as model:
        yield Pair(name="function", model=model, request=CHAT, call=lambda: answer(QUESTION))


CONTESTANTS: dict[str, Contestant] = {
    "embedded": embedded,
    "openai": openai,
    "function": function,
}
