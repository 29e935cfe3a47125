"""One checkpoint on three engines: the same next token, from llama.cpp, ONNX Runtime and torch.

ONNX Runtime and torch multiply the same numbers in FP32. llama.cpp keeps its attention cache in
FP16, and with 8-bit weights rounds what it multiplies them with to 8 bits too: so it is asked with
the file as it ships, and with the same weights in full precision.
"""

import math
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.request import Complete, Encode, Infer, Request, Step
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.embedded import EmbeddedModel
from modelnet.resource.backend.onnx import OnnxModel
from modelnet.resource.backend.transformers import TransformersModel
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER
from recipes.checkpoint.checkpoint import Checkpoint, read_checkpoint
from recipes.checkpoint.folder import write_folder
from recipes.checkpoint.graph import write_graph
from recipes.checkpoint.tokenizer import tokenizer_of
from recipes.checkpoint.widening import widen

pytestmark = [pytest.mark.anyio, pytest.mark.live]

Distribution = dict[bytes, float]
"""Probabilities by the bytes of tokens; the end of an answer has none."""

ANIMALS = ["calc", "facts", "general"]
COUNTRIES = "France Peru Japan Kenya Norway Chile India Egypt Cuba Laos".split()
PREFIXES = [
    f"{question}\n{begun}"
    for n, country in enumerate(COUNTRIES)
    for question in (f"What is {37 * n + 5} plus {91 * n}?", f"What is the capital of {country}?")
    for begun in ("", f"<think>{n}{n * 7 % 10}", "é \t\n")
]


class Tolerance(NamedTuple):
    """What two engines may differ by."""

    p: float
    """Of any probability."""
    nats: float
    """Kullback-Leibler divergence."""


EXACT = Tolerance(1e-5, 1e-9)
HALF_PRECISION_CACHE = Tolerance(0.005, 1e-4)
EIGHT_BITS = Tolerance(0.08, 0.02)


@pytest.fixture(params=ANIMALS)
def animal(request: pytest.FixtureRequest) -> Path:
    return FOLDER / f"{request.param}.gguf"


@pytest.fixture
def checkpoint(animal: Path) -> Checkpoint:
    return read_checkpoint(animal)


@asynccontextmanager
async def started(model: Model) -> AsyncIterator[Model]:
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


async def only_chunk(model: Model, request: Request) -> Chunk:
    async with aclosing(model.run(request, deadline=time.time() + 30)) as chunks:
        (chunk,) = [chunk async for chunk in chunks]
    return chunk


async def told_by_steps(model: Model, checkpoint: Checkpoint) -> list[Distribution]:
    size = len(checkpoint.vocabulary.tokens)
    async with started(model):
        chunks = [await only_chunk(model, Step(Complete(text), size)) for text in PREFIXES]
    return [{one.bytes: math.exp(one.logprob) for one in c.alternatives} for c in chunks]


async def told_by_graph(path: Path, checkpoint: Checkpoint) -> list[Distribution]:
    written = spelled(checkpoint)
    async with started(OnnxModel(path)) as model:
        return [
            distribution(await logits_of(model, tokens), written)
            for tokens in token_lists(checkpoint)
        ]


def token_lists(checkpoint: Checkpoint) -> list[list[int]]:
    tokenizer = tokenizer_of(checkpoint.vocabulary)
    return [tokenizer.encode(text).ids for text in PREFIXES]


def input_ids(tokens: list[int]) -> Tensor:
    data = np.array([tokens], "<i8")
    return Tensor("input_ids", "INT64", data.shape, data.tobytes())


async def logits_of(model: Model, tokens: list[int]) -> np.ndarray:
    chunk = await only_chunk(model, Infer((input_ids(tokens),), ("logits",)))
    (told,) = chunk.tensors
    return np.frombuffer(told.data, "<f4").reshape(told.shape)[0, -1].astype(np.float64)


def distribution(logits: np.ndarray, tokens: list[bytes]) -> Distribution:
    p = np.exp(logits - logits.max())
    return dict(zip(tokens, (p / p.sum()).tolist(), strict=True))


def spelled(checkpoint: Checkpoint) -> list[bytes]:
    """Spell all tokens in bytes, by another way than the back-ends do: the table of GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    table = {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(rest)}
    plain = [bytes(map(table.__getitem__, token)) for token in checkpoint.vocabulary.tokens]
    plain[checkpoint.vocabulary.end] = b""
    return plain


def check_alike(ours: list[Distribution], theirs: list[Distribution], most: Tolerance) -> None:
    """Compare prefix by prefix, and print the largest differences: `pytest -rP` shows them."""
    assert len(ours) == len(theirs) == len(PREFIXES)
    assert len(set(PREFIXES)) >= 50
    met = Tolerance(0.0, 0.0)
    for text, one, other in zip(PREFIXES, ours, theirs, strict=True):
        assert one.keys() == other.keys(), text
        p = max(abs(one[token] - other[token]) for token in one)
        nats = divergence(one, other)
        assert p <= most.p, text
        assert nats <= most.nats, text
        met = Tolerance(max(met.p, p), max(met.nats, nats))
    alike = sum(likeliest(one) == likeliest(other) for one, other in zip(ours, theirs, strict=True))
    print(
        f"met {met.p:.1e} and {met.nats:.1e} nats; the likeliest token was the same {alike} times"
    )


def likeliest(told: Distribution) -> bytes:
    return max(told, key=told.__getitem__)


def divergence(one: Distribution, other: Distribution) -> float:
    return sum(p * math.log(p / other[token]) for token, p in one.items() if p > 0)


async def test_llama_cpp_and_onnx_runtime_agree_in_full_precision(
    animal: Path, checkpoint: Checkpoint, tmp_path: Path
):
    wide = EmbeddedModel(widen(animal, tmp_path / animal.name))
    graph = write_graph(checkpoint, tmp_path / "model.onnx")
    ours = await told_by_graph(graph, checkpoint)
    check_alike(ours, await told_by_steps(wide, checkpoint), HALF_PRECISION_CACHE)


async def test_llama_cpp_and_onnx_runtime_agree_on_the_file_as_it_ships(
    animal: Path, checkpoint: Checkpoint, tmp_path: Path
):
    graph = write_graph(checkpoint, tmp_path / "model.onnx")
    ours = await told_by_graph(graph, checkpoint)
    check_alike(ours, await told_by_steps(EmbeddedModel(animal), checkpoint), EIGHT_BITS)


@pytest.mark.slow
async def test_torch_and_onnx_runtime_agree(checkpoint: Checkpoint, tmp_path: Path):
    pytest.importorskip("torch", reason="torch is not installed")
    torch = TransformersModel(write_folder(checkpoint, tmp_path / "folder"))
    graph = write_graph(checkpoint, tmp_path / "model.onnx")
    theirs = await told_by_steps(torch, checkpoint)
    check_alike(await told_by_graph(graph, checkpoint), theirs, EXACT)


@pytest.mark.slow
async def test_hidden_states_of_every_layer_agree(checkpoint: Checkpoint, tmp_path: Path):
    pytest.importorskip("torch", reason="torch is not installed")
    folder = write_folder(checkpoint, tmp_path / "folder")
    layers = checkpoint.shape.layers
    names = [*(f"hidden_states.{layer}" for layer in range(layers)), "last_hidden_state"]
    tokens = tokenizer_of(checkpoint.vocabulary).encode(PREFIXES[1]).ids
    async with started(OnnxModel(write_graph(checkpoint, tmp_path / "model.onnx"))) as onnx:
        theirs = (await only_chunk(onnx, Infer((input_ids(tokens),), tuple(names)))).tensors
    async with started(TransformersModel(folder)) as torch:
        assert torch.card.layers == layers
        for layer, tensor in zip([*range(layers), -1], theirs, strict=True):
            (ours,) = (await only_chunk(torch, Encode((PREFIXES[1],), layer))).tensors
            assert ours.shape == (len(tokens), checkpoint.shape.width)
            np.testing.assert_allclose(
                np.frombuffer(ours.data, "<f4"), np.frombuffer(tensor.data, "<f4"), atol=1e-4
            )
