"""What every back-end keeps that shows images to llama.cpp: within the process, or as a server."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from modelnet.core.chunk import Chunk
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Message, Partial, Sampling, Score, Step
from modelnet.resource.backend.embedded import Claims, EmbeddedModel
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.model import Model
from tests.conformance.models import llama_server, text_of
from tests.conformance.test_model import answer, started
from tests.conformance.tiny_gguf import write_tiny_gguf
from tests.conformance.tiny_projector import (
    BLUE,
    RED,
    TOKENS,
    look,
    png,
    shown,
    write_tiny_projector,
)

pytestmark = [pytest.mark.anyio, pytest.mark.live]
TURNS = "{% for m in messages %}{{ m['content'] + '\n' }}{% endfor %}"
TOLERANCE = 2e-3
"""Of log-probabilities: engines sum in another order where a batch is larger."""


def embedded(folder: Path) -> Model:
    path = write_tiny_gguf(folder / "babble.gguf", template=TURNS)
    projector = write_tiny_projector(folder / "mmproj.gguf")
    return EmbeddedModel(path, Claims(temperature=0.0), projector=projector)


def server(folder: Path) -> Any:
    path = write_tiny_gguf(folder / "babble.gguf", template=TURNS)
    return llama_server(path, write_tiny_projector(folder / "mmproj.gguf"))


def llama(folder: Path) -> Model:
    behind = server(folder)
    made = LlamaModel(llama_endpoint(behind.listening_address))
    made.server = behind
    return made


def openai(folder: Path) -> Model:
    behind = server(folder)
    made = OpenAIModel(openai_endpoint(behind.listening_address), name="babble")
    made.server = behind
    return made


@pytest.fixture(params=[embedded, llama, openai], ids=lambda make: make.__name__)
async def model(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Model]:
    make: Callable[[Path], Model] = request.param
    async with started(make(tmp_path)) as running:
        yield running


def logprobs(chunks: list[Chunk]) -> list[tuple[bytes, float]]:
    """Return what was likely where the answer begins."""
    first = next(token for chunk in chunks for token in chunk.tokens)
    return [(one.bytes, pytest.approx(one.logprob, abs=TOLERANCE)) for one in first.alternatives]


def n_read(chunks: list[Chunk]) -> int:
    assert chunks[-1].usage is not None
    return chunks[-1].usage.prompt_tokens


async def test_the_card_says_that_it_sees(model: Model):
    assert model.card.has_vision


async def test_the_answer_depends_on_the_image(model: Model):
    red, blue, again, none = [
        await answer(model, request)
        for request in (
            look(png(RED), top_logprobs=5),
            look(png(BLUE), top_logprobs=5),
            look(png(RED), top_logprobs=5),
            look(top_logprobs=5),
        )
    ]
    assert logprobs(red) == logprobs(again)
    assert text_of(red) == text_of(again)
    assert logprobs(red) != logprobs(blue)
    assert logprobs(red) != logprobs(none)


async def test_images_are_seen_in_their_order(model: Model):
    red_first = await answer(model, look(png(RED), png(BLUE), top_logprobs=5))
    blue_first = await answer(model, look(png(BLUE), png(RED), top_logprobs=5))
    assert logprobs(red_first) != logprobs(blue_first)


async def test_tokens_of_images_are_counted(model: Model):
    none, one, two = [
        n_read(await answer(model, look(*images)))
        for images in ((), (png(RED),), (png(RED), png(BLUE)))
    ]
    assert one - none == two - one == TOKENS


async def test_several_look_at_once_as_one_after_another(model: Model):
    requests = [look(png((shade, 0, 0)), prompt=f"tell {shade}") for shade in range(0, 250, 20)]
    requests += [look(prompt=f"tell {number}") for number in range(4)]
    alone = [text_of(await answer(model, request)) for request in requests]
    together: dict[int, str] = {}

    async def one(place: int) -> None:
        together[place] = text_of(await answer(model, requests[place]))

    async with anyio.create_task_group() as group:
        for place in range(len(requests)):
            group.start_soon(one, place)
    assert [together[place] for place in range(len(requests))] == alone
    assert len(set(alone)) > len(requests) // 2


async def test_an_image_of_an_earlier_turn_is_seen(model: Model):
    def talk(*colours: tuple[int, int, int]) -> Chat:
        first = Message("user", tuple(shown(png(colour)) for colour in colours))
        turns = (first, Message("assistant", "yes"), Message("user", "and now?"))
        return Chat(turns, Sampling(max_tokens=8, temperature=0.0))

    red, blue, none = [await answer(model, talk(*seen)) for seen in ((RED,), (BLUE,), ())]
    assert len({text_of(red), text_of(blue), text_of(none)}) == 3
    assert n_read(red) == n_read(blue) == n_read(none) + TOKENS


async def test_a_form_is_kept_of_what_is_seen(model: Model):
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "boolean"}}}
    request = replace(look(png(RED), max_tokens=20), response_format=form)
    assert json.loads(text_of(await answer(model, request))) in {True, False}


async def test_what_cannot_be_seen_is_refused_and_the_next_is_answered(model: Model):
    for url in ("http://127.0.0.1:1/a.png", "file:///etc/passwd", "data:text/plain;base64,aGk="):
        with pytest.raises(UnsupportedError):
            await answer(model, look(url))
    for garbage in (b"", b"garbage", png(RED)[:60]):
        with pytest.raises(InvalidRequestError):
            await answer(model, look(garbage))
    with pytest.raises(InvalidRequestError):
        await answer(model, look("data:image/png;base64,a"))
    assert text_of(await answer(model, look(png(RED))))


async def test_a_begun_answer_is_refused_or_continued_from_there(model: Model):
    whole = text_of(await answer(model, look(png(RED))))
    begun = replace(look(png(RED), max_tokens=4), partial=Partial(text=whole[:4]))
    try:
        rest = text_of(await answer(model, begun))
    except UnsupportedError:
        return
    assert whole[:4] + rest == whole


async def test_steps_and_scores_are_refused_or_see_the_image(model: Model):
    chunks = await answer(model, look(png(RED), top_logprobs=1))
    best, logprob = logprobs(chunks)[0]
    try:
        (step,) = await answer(model, Step(look(png(RED)), top_k=1))
        assert (step.alternatives[0].bytes, step.alternatives[0].logprob) == (best, logprob)
    except UnsupportedError:
        pass
    try:
        (score,) = await answer(model, Score(look(png(RED)), best.decode()))
        assert score.tokens[0].logprob == logprob
    except UnsupportedError:
        pass


async def test_who_looks_away_leaves_the_place_to_others(model: Model):
    whole = text_of(await answer(model, look(png(BLUE))))
    for _ in range(3 * model.card.parallel):
        request = look(png(RED), max_tokens=3000)
        async with aclosing(model.run(request, deadline=time.time() + 20)) as chunks:
            await anext(chunks)
    assert text_of(await answer(model, look(png(BLUE)))) == whole
