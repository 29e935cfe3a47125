"""Every implementation of the Model seam, as `test_model.py` runs them. Add yours to the list."""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.request import Chat, Complete, Embed, Infer, Message, Request, Sampling
from modelnet.resource.backend.embedded import Claims, EmbeddedModel
from modelnet.resource.backend.function import model
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.host import Host
from modelnet.resource.model import Model
from modelnet.resource.remote import RemoteModel
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey
from tests.conformance import (
    huggingface,
    standins,
    tensor_server,
    typed,
    vllm_serve,
    vllm_standin,
)
from tests.conformance.tiny_gguf import write_tiny_gguf

STORY = "Once upon a time a fox met a crow; the crow had cheese, and then the fox had it."
SLOW = "slow"
"""The prompt whose answer takes longer than any test waits."""


class Implementation(NamedTuple):
    """How to make one, and how to see from outside whether it works."""

    name: str
    make: Callable[[Path], Model]
    """Given a folder for files; not started."""
    is_busy: Callable[[Any], bool]
    """Whether any answer is under way, by what the engine itself knows."""
    infer: Infer | None = None
    """For models that infer: something it can answer."""
    slow: Callable[[], Request] | None = None
    """For models that do not speak: what takes longer than any test waits."""


class Answers:
    """What the functions under test do, and how many of them are at it."""

    def __init__(self) -> None:
        self.running = 0

    def tell(self, prompt: str) -> Generator[str, None, None]:
        """Tell the story, or the first words of it again and again."""
        self.running += 1
        try:
            words = STORY.split(" ")
            yield words[0]
            for word in words[1:]:
                yield f" {word}"
            while prompt == SLOW:
                time.sleep(0.001)  # An engine that blocks its thread.
                yield " more"
        finally:
            self.running -= 1

    async def tell_async(self, chat: Chat) -> AsyncGenerator[str, None]:
        """Do the same on the event loop."""
        self.running += 1
        try:
            yield STORY
            if chat.prompt == SLOW:
                await anyio.sleep_forever()
        finally:
            self.running -= 1


def function_model(method: str) -> Model:
    answers = Answers()
    made = model(name=method, skills=["stories"])(getattr(answers, method))
    made.answers = answers
    return made


def scripted(folder: Path) -> Model:
    return ScriptedModel(
        lambda prompt: STORY * 1000 if prompt == SLOW else STORY,
        card=scripted_card("teller"),
        pace=Pace(0.001, 2000.0),
    )


def embedded(folder: Path) -> Model:
    return EmbeddedModel(write_tiny_gguf(folder / "babble.gguf"), Claims(temperature=0.0))


def embedded_embedder(folder: Path) -> Model:
    return EmbeddedModel(write_tiny_gguf(folder / "embedder.gguf", is_embedder=True))


def many_texts() -> Embed:
    return Embed(("x" * 2000,) * 300)


def llama_server(path: Path, projector: Path | None = None) -> Any:
    """Return llama.cpp's own HTTP server, running at its `listening_address`."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.verbosity = -1
    params.port = 0
    params.endpoint_metrics = True
    params.n_parallel = 2
    params.n_ctx = 2 * 4096
    params.cpuparams.n_threads = 1
    if projector is not None:
        params.mmproj.path = str(projector)
    server = xllamacpp.Server(params)
    server.handle_metrics()  # Its loop runs: closing it before then hangs.
    return server


def llama(folder: Path) -> Model:
    server = llama_server(write_tiny_gguf(folder / "babble.gguf"))
    made = LlamaModel(llama_endpoint(server.listening_address))
    made.server = server
    return made


def openai(folder: Path) -> Model:
    server = llama_server(write_tiny_gguf(folder / "babble.gguf"))
    made = OpenAIModel(openai_endpoint(server.listening_address), name="babble")
    made.server = server
    return made


def vllm(folder: Path) -> Model:
    file = write_tiny_gguf(folder / "babble.gguf", template=vllm_standin.TEMPLATE)
    return standins.BehindStandIn(
        vllm_standin.VllmStandIn(llama_server(file)),
        lambda url: OpenAIModel(openai_endpoint(url), name="babble"),
    )


class FarModel:
    """A model of another node, asked through the in-memory network."""

    def __init__(self, near: Any) -> None:
        self.near = near
        self.host = Host(time.time)
        self._stack = AsyncExitStack()
        self._remote = RemoteModel(self._network(MemoryHub(), 1), node_key(2).node, self.near.card)

    def _network(self, hub: MemoryHub, seed: int) -> MemoryNetwork:
        return MemoryNetwork(hub, Envelope(node_key(seed), time.time), time.time)

    @property
    def card(self) -> ModelCard:
        return self._remote.card

    async def start(self) -> None:
        hub = MemoryHub()
        here, there = self._network(hub, 1), self._network(hub, 2)
        there.serve(self.host.handle)
        await self.near.start()
        self.host.add(self.near)
        await self._stack.enter_async_context(here)
        await self._stack.enter_async_context(there)
        async with here.watch() as events:
            await anext(events)
        self._remote = RemoteModel(here, there.node, self.near.card)

    def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        return self._remote.run(request, deadline=deadline)

    async def stop(self) -> None:
        await self._stack.aclose()
        await self.near.stop()


def node_key(seed: int) -> NodeKey:
    return NodeKey.from_seed(bytes([seed]) * 32)


def is_busy(server: Any) -> bool:
    return "llamacpp:requests_processing 0\n" not in server.handle_metrics()


IMPLEMENTATIONS = [
    Implementation("scripted", scripted, lambda m: m.running > 0),
    Implementation("function", lambda _: function_model("tell"), lambda m: m.answers.running > 0),
    Implementation(
        "async-function", lambda _: function_model("tell_async"), lambda m: m.answers.running > 0
    ),
    Implementation("embedded", embedded, lambda m: is_busy(m._running.engine._server)),
    Implementation(
        "embedded-embedder",
        embedded_embedder,
        lambda m: is_busy(m._running.engine._server),
        slow=many_texts,
    ),
    Implementation("llama", llama, lambda m: is_busy(m.server)),
    Implementation("openai", openai, lambda m: is_busy(m.server)),
    Implementation("openai-vllm", vllm, lambda m: is_busy(m.server.engine)),
    Implementation("ollama", standins.ollama, lambda m: m.server.is_busy),
    Implementation("anthropic", standins.anthropic, lambda m: m.server.is_busy),
    Implementation("transformers", huggingface.transformers, lambda m: m.n_open > 0),
    Implementation(
        "transformers-serve", huggingface.transformers_serve, lambda m: m.server.is_busy()
    ),
    pytest.param(
        Implementation("vllm", huggingface.vllm, lambda m: m.server.is_busy(), slow=many_texts),
        marks=vllm_serve.MARKS,
    ),
    pytest.param(
        Implementation(
            "vllm-embedder",
            huggingface.vllm_embedder,
            lambda m: m.server.is_busy(),
            slow=many_texts,
        ),
        marks=vllm_serve.MARKS,
    ),
    Implementation(
        "remote", lambda folder: FarModel(scripted(folder)), lambda m: m.near.running > 0
    ),
    Implementation(
        "remote-typed-function",
        lambda folder: FarModel(typed.typed_function(folder)),
        lambda m: m.near.sums.running > 0,
        infer=typed.INFER_ROWS,
        slow=typed.slow_sums,
    ),
    Implementation(
        "typed-function",
        typed.typed_function,
        lambda m: m.sums.running > 0,
        infer=typed.INFER_ROWS,
        slow=typed.slow_sums,
    ),
    Implementation(
        "oip",
        tensor_server.tensor_server,
        lambda m: m.sums.running > 0,
        infer=typed.INFER_ROWS,
        slow=typed.slow_sums,
    ),
    Implementation(
        "sklearn",
        typed.estimator,
        lambda m: m.estimator.running > 0,
        infer=typed.INFER_TABLE,
        slow=typed.slow_table,
    ),
    Implementation(
        "onnx", typed.onnx_graph, typed.is_running, infer=typed.INFER_ROWS, slow=typed.slow_rows
    ),
    Implementation(
        "onnx-encoder",
        typed.onnx_encoder,
        typed.is_running,
        infer=typed.INFER_TOKENS,
        slow=typed.slow_text,
    ),
]


def can_speak(card: ModelCard) -> bool:
    """Whether it answers with text, chunk by chunk."""
    return bool({"chat", "complete"}.intersection(card.operations))


def short_request(implementation: Implementation, card: ModelCard) -> Request:
    """Return what a model of any kind answers soon, always alike."""
    if can_speak(card):
        return request_for(card, "tell", Sampling(max_tokens=24, temperature=0.0))
    if implementation.infer is not None and "infer" in card.operations:
        return implementation.infer
    return Embed(("one", "another text"))


def slow_request(implementation: Implementation, card: ModelCard) -> Request:
    """Return what a model of any kind is at for longer than any test waits."""
    if can_speak(card):
        return request_for(card, SLOW, Sampling(temperature=0.0))
    assert implementation.slow is not None
    return implementation.slow()


def request_for(card: ModelCard, prompt: str, sampling: Sampling, begun: Any = None) -> Request:
    """Return the request every model with text operations can answer."""
    options = {} if begun is None else {"partial": begun}
    if "chat" in card.operations:
        return Chat((Message("user", prompt),), sampling, **options)
    return Complete(prompt, sampling, **options)


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)
