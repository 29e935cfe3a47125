"""A node is kept stocked with what the engines of its machine have, on virtual time."""

from contextlib import asynccontextmanager

import anyio
import pytest

from modelnet.application.cli.engine_supply import (
    FIRST_ROUND_S,
    POLL_S,
    RETRY_S,
    EngineSupply,
    goods_of,
)
from modelnet.core.error import EngineError, SettingsError, UnknownModelError
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.detection import DetectedEngine
from modelnet.testbed.virtual_time import VirtualTimeLoop, virtual_clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"loop_factory": VirtualTimeLoop})


def ollama(*models: str) -> DetectedEngine:
    return DetectedEngine("Ollama", "http://127.0.0.1:11434", models, "ollama")


def llama(model: str) -> DetectedEngine:
    return DetectedEngine("llama.cpp", "http://127.0.0.1:8080", (model,), "llama")


class Tried(ScriptedModel):
    """A model whose start takes as long, or fails, as the test says."""

    def __init__(self, name: str, village: "Village") -> None:
        super().__init__(card=scripted_card(name))
        self._village = village

    async def start(self) -> None:
        village, name = self._village, self.card.name
        village.loading.append(name)
        village.most_at_once = max(village.most_at_once, len(village.loading))
        try:
            await anyio.sleep(village.takes_s.get(name, 0.0))
        finally:
            village.loading.remove(name)
        if name in village.broken:
            raise EngineError(f"{name} does not load.")
        await super().start()

    async def stop(self) -> None:
        self._village.stopped.append(self.card.name)
        await super().stop()


class Village:
    """Engines that are here, the node that serves them, and what people are told."""

    def __init__(self) -> None:
        self.here: list[DetectedEngine] = []
        self.offered: list[str] = []
        self.told: list[str] = []
        self.broken: set[str] = set()
        self.takes_s: dict[str, float] = {}
        self.stopped: list[str] = []
        self.loading: list[str] = []
        self.most_at_once = 0

    async def look(self) -> list[DetectedEngine]:
        return list(self.here)

    def build(self, specification: str) -> Tried:
        if "#" not in specification:
            return Tried(self.here[-1].models[0], self)
        return Tried(specification.rpartition("#")[2], self)

    async def serve(self, model):
        await model.start()
        if model.card.name in self.offered:
            raise SettingsError(f"Two models are called {model.card.name!r}.")
        self.offered.append(model.card.name)
        return model.card

    async def withdraw(self, name: str) -> None:
        if name not in self.offered:
            raise UnknownModelError("It is not served.")
        self.offered.remove(name)


@asynccontextmanager
async def stocked(village: Village):
    supply = EngineSupply(village, village.here, build=village.build, clock=virtual_clock)
    async with anyio.create_task_group() as group:
        await group.start(supply.run, village, village.told.append)
        yield
        group.cancel_scope.cancel()


async def polled() -> None:
    await anyio.sleep(POLL_S + 0.5)


@pytest.fixture
def village() -> Village:
    return Village()


async def test_what_was_found_is_served_before_anybody_is_told_the_node_is_ready(village):
    village.here = [ollama("a", "b")]
    village.takes_s = {"a": 3.0}
    async with stocked(village):
        assert village.offered == ["a", "b"]
        assert village.told == []


async def test_a_model_that_loads_long_is_served_later(village):
    village.here = [ollama("a", "slow")]
    village.takes_s = {"slow": 2 * FIRST_ROUND_S}
    async with stocked(village):
        assert village.offered == ["a"]
        await anyio.sleep(2 * FIRST_ROUND_S)
        assert village.offered == ["a", "slow"]
        assert village.told == ["slow of Ollama is served now."]


async def test_one_engine_loads_one_model_at_a_time_two_engines_two(village):
    village.here = [ollama("a", "b", "c")]
    village.takes_s = dict.fromkeys("abc", 1.0)
    async with stocked(village):
        assert village.most_at_once == 1
        village.here = [ollama("a", "b", "c", "d"), llama("e")]
        village.takes_s = dict.fromkeys("de", 1.0)
        await anyio.sleep(POLL_S + 3)
        assert village.most_at_once == 2


async def test_models_and_engines_come_and_go(village):
    async with stocked(village):
        village.here = [ollama("a")]
        await polled()
        village.here = [ollama("a", "b")]
        await polled()
        assert village.offered == ["a", "b"]
        village.here = [ollama("b")]
        await polled()
        assert (village.offered, village.stopped) == (["b"], ["a"])
        village.here = []
        await polled()
        assert (village.offered, village.stopped) == ([], ["a", "b"])
    assert village.told == [
        "a of Ollama is served now.",
        "b of Ollama is served now.",
        "a is gone from its engine: it is no longer served.",
        "b is gone from its engine: it is no longer served.",
    ]


async def test_a_server_that_was_given_another_model_is_served_anew(village):
    village.here = [llama("old")]
    async with stocked(village):
        village.here = [llama("new")]
        await polled()
        assert (village.offered, village.stopped) == (["new"], ["old"])


async def test_what_fails_is_told_once_and_tried_again_and_the_rest_is_served(village):
    village.here = [ollama("bad", "good")]
    village.broken = {"bad"}
    async with stocked(village):
        assert village.offered == ["good"]
        assert village.told == ["bad of Ollama is not served: bad does not load."]
        await anyio.sleep(2 * RETRY_S)
        assert len(village.told) == 1
        assert village.stopped.count("bad") >= 2
        village.broken = set()
        await anyio.sleep(RETRY_S + POLL_S)
        assert village.offered == ["good", "bad"]
        assert village.told[1:] == ["bad of Ollama is served now."]


async def test_what_failed_and_went_is_told_again_when_it_fails_anew(village):
    village.here = [ollama("bad")]
    village.broken = {"bad"}
    async with stocked(village):
        village.here = []
        await polled()
        village.here = [ollama("bad")]
        await polled()
        assert len(village.told) == 2


async def test_a_name_that_is_taken_is_told_and_nothing_is_withdrawn(village):
    village.offered = ["zoo:calc"]
    village.here = [ollama("zoo:calc")]
    async with stocked(village):
        assert "Two models are called" in village.told[0]
        village.here = []
        await polled()
        assert village.offered == ["zoo:calc"]


async def test_what_a_person_withdrew_may_go(village):
    village.here = [ollama("a")]
    async with stocked(village):
        village.offered.clear()
        village.here = []
        await polled()
        assert village.stopped == ["a"]


async def test_leaving_while_a_model_loads_releases_it(village):
    village.here = [ollama("slow")]
    village.takes_s = {"slow": 10 * FIRST_ROUND_S}
    async with stocked(village):
        assert village.loading == ["slow"]
    assert (village.stopped, village.loading) == (["slow"], [])


def test_of_two_models_of_one_name_the_first_found_is_taken():
    goods = goods_of([ollama("a", "b"), llama("b")])
    assert [(one.model, one.engine.engine) for one in goods.values()] == [
        ("a", "Ollama"),
        ("b", "Ollama"),
    ]
