"""Engines of this machine are found, served by their native APIs, and let go: real servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from modelnet.application.cli import engine_supply
from modelnet.application.cli.engine_supply import EngineSupply
from modelnet.application.node import Node
from modelnet.application.settings import Settings
from modelnet.resource.detection import Lookout, detect_engines
from modelnet.resource.zoo import FOLDER
from modelnet.testbed.standin.ollama import OllamaStandIn, Served
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey
from tests.conformance.models import llama_server
from tests.conformance.tiny_gguf import write_tiny_gguf

pytestmark = [pytest.mark.live, pytest.mark.anyio]


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


@asynccontextmanager
async def node() -> AsyncIterator[Node]:
    key = NodeKey.generate()
    network = MemoryNetwork(
        MemoryHub(seed=1), Envelope(key, anyio.current_time), anyio.current_time
    )
    async with Node(
        Settings(name="here", exams=False), network=network, key=key, with_http=False
    ) as made:
        yield made


@pytest.fixture
def ollama() -> OllamaStandIn:
    return OllamaStandIn([Served("calc", FOLDER / "calc.gguf")])


async def test_a_llama_server_is_known_as_one(tmp_path: Path):
    server = llama_server(write_tiny_gguf(tmp_path / "tiny.gguf"))
    url = str(server.listening_address)
    (found,) = await detect_engines([port_of(url)], timeout_s=5)
    assert (found.engine, found.specifications) == ("llama.cpp", (f"llama:{url}",))


async def test_a_node_of_ours_is_no_engine(tmp_path: Path):
    settings = Settings(name="here", exams=False, multicast=False, port=0, data_dir=tmp_path)
    async with Node(settings) as here:
        assert await detect_engines([port_of(here.url or "")], timeout_s=5) == []


async def test_an_engine_that_starts_is_served_and_one_that_stops_is_let_go(
    ollama: OllamaStandIn, monkeypatch
):
    monkeypatch.setattr(engine_supply, "POLL_S", 0.1)
    tell, told = anyio.create_memory_object_stream[str](8)
    async with tell, told, node() as here, anyio.create_task_group() as group:
        await ollama.start()
        supply = EngineSupply(Lookout([port_of(ollama.url)], timeout_s=2))
        await group.start(supply.run, here, tell.send_nowait)
        with anyio.fail_after(30):
            await here.wait_until(lambda directory: bool(directory.offers))
            name = here.cards[0].name
            assert here.cards[0].engine == "ollama"
            answer = [chunk.text async for chunk in here.ask("What is 1 plus 1?", model=name)]
            assert "".join(answer)
            await ollama.stop()
            await here.wait_until(lambda directory: not directory.offers)
            assert await told.receive() == f"{name} of Ollama is served now."
            assert (
                await told.receive() == f"{name} is gone from its engine: it is no longer served."
            )
        group.cancel_scope.cancel()
