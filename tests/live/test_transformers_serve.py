"""OpenAIModel in front of `transformers serve`, which drops what it does not know in a 200."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import UnsupportedError
from modelnet.core.request import Chat, Complete, Message, Partial, Request, Sampling
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER
from recipes.checkpoint.checkpoint import read_checkpoint
from recipes.checkpoint.folder import write_folder
from tests.conformance.transformers_serve import serving

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.slow]
QUESTION = "What is 123 plus 456?"
GREEDY = Sampling(temperature=0.0, max_tokens=60)


@pytest.fixture(scope="module")
def calc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(read_checkpoint(FOLDER / "calc.gguf"), tmp_path_factory.mktemp("calc"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("hub")) as server:
        yield server.url


@pytest.fixture
async def model(url: str, calc: Path) -> AsyncIterator[Model]:
    made = OpenAIModel(openai_endpoint(f"{url}#{calc}"), name="calc")
    await made.start()
    yield made
    await made.stop()


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 30)) as chunks:
        return [chunk async for chunk in chunks]


def chat(**options: object) -> Chat:
    return Chat((Message("user", QUESTION),), **{"sampling": GREEDY, **options})


async def test_the_probe_notices_what_is_dropped_silently(model: Model):
    card = model.card
    assert card.operations == ("chat", "complete")
    assert not card.has_logprobs
    assert not card.can_continue
    assert not card.has_tools
    assert not card.has_schema
    assert not card.has_vision


async def test_it_answers_with_its_reasoning_apart(model: Model):
    chunks = await hear(model, chat())
    assert "".join(chunk.text for chunk in chunks) == "579"
    assert "".join(chunk.reasoning for chunk in chunks) == "321+654=975"
    assert chunks[-1].finish == "stop"
    assert chunks[-1].usage.prompt_tokens == 12
    assert chunks[-1].usage.completion_tokens == 17


async def test_it_completes(model: Model):
    chunks = await hear(model, Complete(f"{QUESTION}\n", GREEDY))
    assert "".join(chunk.text for chunk in chunks) == "<think>321+654=975</think>579"


async def test_max_tokens_cut_its_answer(model: Model):
    chunks = await hear(model, chat(sampling=Sampling(temperature=0.0, max_tokens=3)))
    assert "".join(chunk.reasoning for chunk in chunks) == "32"
    assert chunks[-1].finish == "length"


@pytest.mark.parametrize(
    "request_",
    [
        chat(sampling=Sampling(top_logprobs=2)),
        chat(partial=Partial(reasoning="32")),
        chat(tools=({"type": "function", "function": {"name": "look"}},)),
        chat(response_format={"type": "json_object"}),
    ],
    ids=["logprobs", "partial", "tools", "format"],
)
async def test_what_it_would_drop_is_refused(model: Model, request_: Request):
    with pytest.raises(UnsupportedError):
        await hear(model, request_)
