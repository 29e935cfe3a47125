"""Models behind stand-ins: each server lives as long as its model runs."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError
from modelnet.core.request import Request
from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint
from modelnet.resource.model import Model
from modelnet.testbed.standin import anthropic as anthropic_standin
from modelnet.testbed.standin.ollama import OllamaStandIn, Served
from tests.conformance.tiny_gguf import write_tiny_gguf


class BehindStandIn:
    """A model whose server is started and stopped with it, on another port each time."""

    def __init__(self, server: Any, make: Callable[[str], Model]) -> None:
        self.server = server
        self._make = make
        self._model: Model | None = None

    @property
    def card(self) -> ModelCard:
        return self._asked().card

    async def start(self) -> None:
        await self.server.start()
        self._model = self._make(self.server.url)
        await self._model.start()

    def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        return self._asked().run(request, deadline=deadline)

    async def stop(self) -> None:
        await self._asked().stop()
        await self.server.stop()

    def _asked(self) -> Model:
        if self._model is None:
            raise EngineError("The stand-in was never started; start it.")
        return self._model


def ollama(folder: Path) -> Model:
    served = Served("babble", write_tiny_gguf(folder / "babble.gguf"))
    return BehindStandIn(
        OllamaStandIn([served]), lambda url: OllamaModel(ollama_endpoint(f"{url}#babble"))
    )


KEY = "sk-test-1"


def anthropic(folder: Path) -> Model:
    served = anthropic_standin.Served("babble", write_tiny_gguf(folder / "babble.gguf"))
    environment = {"KEY_OF_TEST": KEY}

    def make(url: str) -> Model:
        endpoint = anthropic_endpoint(f"{url}#babble;key=KEY_OF_TEST")
        return AnthropicModel(endpoint, environment=environment)

    return BehindStandIn(anthropic_standin.AnthropicStandIn([served], key=KEY), make)
