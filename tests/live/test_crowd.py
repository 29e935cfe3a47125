"""Strangers at a real llama.cpp server: what it says of them, and that looking disturbs nobody."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from modelnet.core.error import EngineError
from modelnet.core.load import EngineLoad, ModelLoad
from modelnet.core.request import Chat, Embed, Message, Request, Sampling
from modelnet.resource.admission import AdmittedModel
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.model import Model
from tests.conformance.tiny_gguf import write_tiny_gguf
from tests.live.test_llama import server

pytestmark = [pytest.mark.anyio, pytest.mark.live]
ENDLESS = Chat((Message("user", "a"),), Sampling(max_tokens=100_000))
MAKES = {
    "llama": lambda url: LlamaModel(llama_endpoint(url)),
    "openai": lambda url: OpenAIModel(openai_endpoint(url), name="babble"),
}


@asynccontextmanager
async def served(kind: str, folder: Path, **options: Any) -> AsyncIterator[tuple[Any, str]]:
    """Run a server and a model in front of it."""
    behind = server(write_tiny_gguf(folder / "babble.gguf"), n_ctx=2 * 4096, **options)
    url = str(behind.listening_address)
    model = MAKES[kind](url)
    await model.start()
    yield model, url
    await model.stop()
    del behind


@asynccontextmanager
async def stranger(url: str) -> AsyncIterator[None]:
    """Keep a place of a server busy, past any node."""
    body = {"prompt": "a", "n_predict": 100_000, "stream": True, "ignore_eos": True}
    async with aiohttp.ClientSession(url) as session, session.post("/completion", json=body) as one:
        await one.content.readany()
        yield


async def load_of(model: Any) -> EngineLoad:
    return await model.engine_load(time.time() + 10)


@asynccontextmanager
async def asked(door: AdmittedModel) -> AsyncIterator[None]:
    """Keep a place of a model busy, through its door."""
    async with aclosing(door.run(ENDLESS, deadline=time.time() + 60)) as chunks:
        await anext(chunks)
        yield


@pytest.mark.parametrize("kind", MAKES)
async def test_strangers_are_told_from_ours(kind: str, tmp_path: Path):
    async with served(kind, tmp_path) as (model, url):
        assert await load_of(model) == EngineLoad(0, 0, 2)
        door = AdmittedModel(model, time.time)
        async with asked(door), stranger(url):
            assert await load_of(model) == EngineLoad(2, 0, 2)
            await door.look()
            assert door.load == ModelLoad(2, 0, 2, 1)
        assert door.load == ModelLoad(1, 0, 2, 1)


async def test_a_server_without_slots_is_used_all_the_same(tmp_path: Path):
    async with served("llama", tmp_path, endpoint_slots=False) as (model, url):
        with pytest.raises(EngineError, match="--slots"):
            await load_of(model)
        door = AdmittedModel(model, time.time)
        async with stranger(url), asked(door):
            await door.look()
            assert door.load == ModelLoad(1, 0, 2, 1)


async def sleeps(url: str) -> bool:
    async with aiohttp.ClientSession(url) as session, session.get("/props") as told:
        return (await told.json())["is_sleeping"]


async def test_looking_wakes_no_server_that_sleeps(tmp_path: Path):
    async with served("llama", tmp_path, sleep_idle_seconds=1) as (model, url):
        with anyio.fail_after(20):
            while not await sleeps(url):  # noqa: ASYNC110 - it tells nobody when it falls asleep
                await anyio.sleep(0.2)
        assert await load_of(model) == EngineLoad()
        assert await sleeps(url)


async def test_a_server_that_is_gone_or_stopped_tells_nothing(tmp_path: Path):
    async with served("llama", tmp_path) as (model, _):
        pass
    with pytest.raises(EngineError):
        await load_of(model)


async def only(model: Model, request: Request) -> Any:
    async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
        return await anext(chunks)


async def test_an_embedder_behind_openais_api_keeps_inputs_apart(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "e.gguf", is_embedder=True)
    behind = server(path, embedding=True, kv_unified=True)
    model = OpenAIModel(openai_endpoint(str(behind.listening_address)))
    await model.start()
    assert model.card.operations == ("embed",)
    assert model.card.embedding_size == 32
    inputs = ("first", "the second is longer", "third")
    together = (await only(model, Embed(inputs))).vectors
    for text, vector in zip(inputs, together, strict=True):
        (alone,) = (await only(model, Embed((text,)))).vectors
        ours, other = (memoryview(raw).cast("f").tolist() for raw in (vector, alone))
        assert ours == pytest.approx(other, abs=1e-4)
    await model.stop()
    mixing = server(path, embedding=True, kv_unified=False)
    with pytest.raises(EngineError, match="--kv-unified"):
        await OpenAIModel(openai_endpoint(str(mixing.listening_address))).start()
