"""Engines of language, each asked the same question of the zoo's `calc`."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from modelnet.application.demo.process import Fleet
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.function import model as function_model
from modelnet.resource.zoo import FOLDER
from modelnet.testbed.bench.engine.contestant import Contestant, lane, server_url, started
from modelnet.testbed.bench.engine.measure import MOST_AT_ONCE, Pair

QUESTION = "What is 12 plus 5?"
MESSAGES = [{"role": "user", "content": QUESTION}]
MAX_TOKENS = 24
CHAT = Chat((Message("user", QUESTION),), Sampling(max_tokens=MAX_TOKENS, temperature=0.0))

_FILE = FOLDER / "calc.gguf"
_LLAMA = ("modelnet.testbed.bench.engine.server", str(_FILE))
_STAND_IN = "modelnet.testbed.standin"
_KEY_VARIABLE = "MODELNET_STAND_IN_KEY"
_OPENAI: dict[str, Any] = {
    "model": "calc",
    "messages": MESSAGES,
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": MAX_TOKENS,
    "temperature": 0.0,
}


@asynccontextmanager
async def embedded(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """llama.cpp in this process, asked for a chat."""
    from modelnet.testbed.bench.engine.server import llama_server

    server = llama_server(str(_FILE))
    body = msgspec.json.encode(_OPENAI)
    async with started("zoo:calc") as model:
        yield Pair(
            name="embedded",
            model=model,
            request=CHAT,
            call=lambda: server.handle_chat_completions(body, _go_on),
        )


def _go_on(_: bytes) -> bool:
    return False


@asynccontextmanager
async def _llama_server(scheme: str, fleet: Fleet, _: Path) -> AsyncGenerator[Pair]:
    """llama.cpp's server, asked by the back-end of a scheme: in its own words, or in OpenAI's."""
    url = await server_url(fleet, scheme, *_LLAMA)
    async with started(f"{scheme}:{url}") as model:
        way = lane(f"{url}/v1/chat/completions", _OPENAI)
        yield Pair(name=scheme, model=model, request=CHAT, open_lane=way)


@asynccontextmanager
async def ollama(fleet: Fleet, _: Path) -> AsyncGenerator[Pair]:
    """The stand-in for Ollama."""
    url = await server_url(fleet, "ollama", _STAND_IN, "ollama", "calc", "--port", "0")
    body = {
        "model": "calc",
        "messages": MESSAGES,
        "stream": True,
        "options": {"num_predict": MAX_TOKENS, "temperature": 0.0},
    }
    async with started(f"ollama:{url}#calc") as model:
        yield Pair(
            name="ollama", model=model, request=CHAT, open_lane=lane(f"{url}/api/chat", body)
        )


@asynccontextmanager
async def anthropic(fleet: Fleet, _: Path) -> AsyncGenerator[Pair]:
    """The stand-in for Anthropic's API."""
    from modelnet.testbed.standin.__main__ import KEY

    url = await server_url(fleet, "anthropic", _STAND_IN, "anthropic", "calc", "--port", "0")
    body = {
        "model": "calc",
        "messages": MESSAGES,
        "stream": True,
        "max_tokens": MAX_TOKENS,
        "temperature": 0.0,
    }
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    os.environ[_KEY_VARIABLE] = KEY
    async with started(f"anthropic:{url}#calc;key={_KEY_VARIABLE}") as model:
        way = lane(f"{url}/v1/messages", body, headers)
        yield Pair(name="anthropic", model=model, request=CHAT, open_lane=way)


@function_model(parallel=MOST_AT_ONCE)
def answer(prompt: str) -> str:
    """Return what a function that costs nothing says."""
    return prompt


@asynccontextmanager
async def function(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """A Python function of a text."""
    async with started(f"python:{__name__}:answer") as model:
        yield Pair(name="function", model=model, request=CHAT, call=lambda: answer(QUESTION))


LANGUAGE: dict[str, Contestant] = {
    "embedded": Contestant(embedded),
    "llama": Contestant(partial(_llama_server, "llama")),
    "openai": Contestant(partial(_llama_server, "openai")),
    "ollama": Contestant(ollama),
    "anthropic": Contestant(anthropic),
    "function": Contestant(function),
}
