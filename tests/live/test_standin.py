"""The stand-ins as programs: a process of their own, asked by its port."""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import anyio.abc
import pytest

from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint
from modelnet.resource.model import Model
from modelnet.testbed.standin.__main__ import KEY

pytestmark = [pytest.mark.anyio, pytest.mark.live]
ASK = Chat((Message("user", "What is 123 plus 456?"),), Sampling(temperature=0.0))


@asynccontextmanager
async def program(api: str) -> AsyncIterator[str]:
    """Run one, and return its URL."""
    command = [sys.executable, "-m", "modelnet.testbed.standin", api, "calc", "--port", "0"]
    async with await anyio.open_process(command, stderr=None, env=dict(os.environ)) as process:
        assert process.stdout is not None
        with anyio.fail_after(30):
            told = (await process.stdout.receive()).decode()
        assert "stand-in" in told
        yield told.split()[-1]
        process.terminate()


async def answer(model: Model) -> str:
    await model.start()
    async with aclosing(model.run(ASK, deadline=time.time() + 20)) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    await model.stop()
    return text


async def test_ollamas():
    async with program("ollama") as url:
        assert await answer(OllamaModel(ollama_endpoint(url))) == "579"


async def test_anthropics():
    async with program("anthropic") as url:
        endpoint = anthropic_endpoint(f"{url}#calc;key=KEY")
        assert await answer(AnthropicModel(endpoint, environment={"KEY": KEY})) == "579"
