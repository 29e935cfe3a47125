"""What every implementation of the Model seam keeps."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    InvalidRequestError,
    PeerLostError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Request,
    Sampling,
    Score,
    Step,
    operation_of,
)
from modelnet.resource.backend.typed.array import array_of
from modelnet.resource.model import Model
from tests.conformance.models import (
    IMPLEMENTATIONS,
    SLOW,
    Implementation,
    can_speak,
    request_for,
    short_request,
    slow_request,
    text_of,
)

pytestmark = pytest.mark.anyio
PATIENCE_S = 10.0
PROMPT = "tell"
GONE = (EngineError, PeerLostError)
"""What an asker hears of a model that was stopped: here, or at its node."""
GREEDY = Sampling(max_tokens=24, temperature=0.0)


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda made: made.name)
def implementation(request: pytest.FixtureRequest) -> Implementation:
    return request.param


@asynccontextmanager
async def started(model: Model) -> AsyncIterator[Model]:
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


@pytest.fixture
async def model(implementation: Implementation, tmp_path: Path) -> AsyncIterator[Model]:
    async with started(implementation.make(tmp_path)) as running:
        yield running


@pytest.fixture
def speaker(model: Model) -> Model:
    """A model that answers with text."""
    if not can_speak(model.card):
        pytest.skip("does not answer with text")
    return model


async def answer(model: Model, request: Request, within_s: float = PATIENCE_S) -> list[Chunk]:
    deadline = time.time() + within_s
    async with aclosing(model.run(request, deadline=deadline)) as chunks:
        return [chunk async for chunk in chunks]


async def said(model: Model, sampling: Sampling = GREEDY, begun: str = "") -> str:
    request = request_for(model.card, PROMPT, sampling, Partial(text=begun))
    return text_of(await answer(model, request))


def assert_alike(one: list[Chunk], other: list[Chunk]) -> None:
    """Compare answers; numbers may differ in their last bits, as batches sum in another order."""
    assert text_of(one) == text_of(other)
    assert numbers_of(one) == pytest.approx(numbers_of(other), abs=1e-4)


def numbers_of(chunks: list[Chunk]) -> list[float]:
    tensors = [tensor for chunk in chunks for tensor in chunk.tensors]
    arrays = [array_of(tensor) for tensor in tensors if tensor.datatype != "BYTES"]
    arrays += [np.frombuffer(vector, "<f4") for chunk in chunks for vector in chunk.vectors]
    return [float(number) for array in arrays for number in array.ravel()]


async def until_busy(implementation: Implementation, model: Model) -> None:
    with anyio.fail_after(PATIENCE_S):
        while not implementation.is_busy(model):  # noqa: ASYNC110 - the engine tells nobody
            await anyio.sleep(0.005)


async def until_idle(implementation: Implementation, model: Model) -> None:
    with anyio.fail_after(PATIENCE_S):
        while implementation.is_busy(model):  # noqa: ASYNC110 - the engine tells nobody
            await anyio.sleep(0.005)


async def test_the_card_is_known_once_started(model: Model):
    assert model.card.name
    assert model.card.operations
    assert model.card.parallel >= 1


async def test_exactly_the_last_chunk_says_why_it_ended_and_what_it_used(speaker: Model):
    chunks = await answer(speaker, request_for(speaker.card, PROMPT, GREEDY))
    assert [chunk.finish for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish in {"stop", "length"}
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens > 0
    assert chunks[-1].usage.completion_tokens > 0


async def test_an_answer_begun_elsewhere_is_continued_exactly(speaker: Model):
    whole = await said(speaker)
    assert len(whole) > 12
    if not speaker.card.can_continue:
        with pytest.raises(UnsupportedError):
            await said(speaker, GREEDY, whole[:4])
        return
    for cut in (1, 4, len(whole) // 2, len(whole) - 1):
        rest = await said(speaker, GREEDY, whole[:cut])
        common = min(len(rest), len(whole) - cut)
        assert rest[:common] == whole[cut:][:common]
        assert common >= min(8, len(whole) - cut)


async def test_leaving_an_answer_stops_the_work(speaker: Model, implementation: Implementation):
    request = request_for(speaker.card, SLOW, Sampling(temperature=0.0))
    async with aclosing(speaker.run(request, deadline=time.time() + PATIENCE_S)) as chunks:
        assert (await anext(chunks)).finish is None
        assert implementation.is_busy(speaker)
    await until_idle(implementation, speaker)


async def test_cancelling_the_asker_stops_the_work(model: Model, implementation: Implementation):
    request = slow_request(implementation, model.card)
    with anyio.move_on_after(0.1) as scope:
        await answer(model, request)
    assert scope.cancelled_caught
    await until_idle(implementation, model)


async def test_cancelling_one_asker_leaves_the_others_their_answers(
    model: Model, implementation: Implementation
):
    request = short_request(implementation, model.card)
    slow = slow_request(implementation, model.card)
    alone = await answer(model, request)
    together: list[list[Chunk]] = []

    async def ask() -> None:
        together.append(await answer(model, request))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)
        with anyio.move_on_after(0.02):
            await answer(model, slow)
    assert len(together) == 3
    for one in together:
        assert_alike(one, alone)


async def test_a_deadline_ends_the_answer(model: Model, implementation: Implementation):
    request = slow_request(implementation, model.card)
    with pytest.raises(DeadlineError):
        await answer(model, request, within_s=0.1)
    await until_idle(implementation, model)


async def test_a_deadline_in_the_past_is_refused(model: Model, implementation: Implementation):
    with pytest.raises(DeadlineError):
        await answer(model, short_request(implementation, model.card), within_s=-1.0)


async def test_an_operation_that_is_not_on_the_card_is_refused(model: Model):
    prefix = Complete(PROMPT)
    requests = [Embed(("a",)), Encode(("a",)), Step(prefix), Score(prefix, "a"), prefix]
    refused = [one for one in requests if operation_of(one) not in model.card.operations]
    for request in refused:
        with pytest.raises(UnsupportedError):
            await answer(model, request)


async def test_images_are_refused_by_who_cannot_see(model: Model):
    image = ImagePart(ImageUrl("data:image/png;base64,AAAA"))
    assert not model.card.has_vision
    with pytest.raises(UnsupportedError):
        await answer(model, Chat((Message("user", (image,)),)))


async def test_tools_are_refused_by_who_calls_none(model: Model):
    assert not model.card.has_tools
    with pytest.raises(UnsupportedError):
        await answer(model, Chat((Message("user", PROMPT),), tools=({"type": "function"},)))


async def test_an_unknown_response_format_is_never_dropped_silently(model: Model):
    request = Chat((Message("user", PROMPT),), response_format={"type": "nonsense"})
    if model.card.name == "tell_async":
        pytest.skip("the function gets the whole chat, and judges the format itself")
    with pytest.raises((UnsupportedError, InvalidRequestError)):
        await answer(model, request)


async def test_max_tokens_cuts_the_answer(speaker: Model):
    sampling = Sampling(max_tokens=3, temperature=0.0)
    chunks = await answer(speaker, request_for(speaker.card, PROMPT, sampling))
    assert chunks[-1].finish == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    whole = await said(speaker)
    assert whole.startswith(text_of(chunks))
    assert len(text_of(chunks)) < len(whole)


async def test_a_stop_sequence_ends_the_answer_before_itself(speaker: Model):
    whole = await said(speaker)
    stop = whole[5:8]
    sampling = Sampling(max_tokens=24, temperature=0.0, stop=(stop,))
    chunks = await answer(speaker, request_for(speaker.card, PROMPT, sampling))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish == "stop"


async def test_two_at_once_answer_as_one_after_another(
    model: Model, implementation: Implementation
):
    request = short_request(implementation, model.card)
    alone = await answer(model, request)
    together: list[list[Chunk]] = []

    async def ask() -> None:
        together.append(await answer(model, request))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
    assert len(together) == 2
    for one in together:
        assert_alike(one, alone)


async def test_log_probabilities_belong_to_the_text(speaker: Model):
    sampling = Sampling(max_tokens=6, temperature=0.0, top_logprobs=2)
    request = request_for(speaker.card, PROMPT, sampling)
    if not speaker.card.has_logprobs:
        with pytest.raises(UnsupportedError):
            await answer(speaker, request)
        return
    chunks = await answer(speaker, request)
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert b"".join(token.bytes for token in tokens) == text_of(chunks).encode()
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.alternatives) == 2
        assert token.alternatives[0].logprob >= token.alternatives[1].logprob


async def test_it_can_be_stopped_and_started_again(implementation: Implementation, tmp_path: Path):
    model = implementation.make(tmp_path)
    async with started(model):
        request = short_request(implementation, model.card)
        first = await answer(model, request)
    async with started(model):
        assert_alike(await answer(model, request), first)


async def test_it_answers_only_between_start_and_stop(
    implementation: Implementation, tmp_path: Path
):
    model = implementation.make(tmp_path)
    async with started(model):
        card = model.card
    with pytest.raises(GONE):
        await answer(model, short_request(implementation, card))


async def test_stopping_ends_the_answers_under_way(speaker: Model):
    request = request_for(speaker.card, SLOW, Sampling(temperature=0.0))
    async with aclosing(speaker.run(request, deadline=time.time() + PATIENCE_S)) as chunks:
        await anext(chunks)
        await speaker.stop()
        with pytest.raises(GONE):
            async for _ in chunks:
                pass


async def test_stopping_ends_the_waits_for_an_answer(
    implementation: Implementation, tmp_path: Path
):
    model = implementation.make(tmp_path)
    heard: list[Exception] = []

    async def ask() -> None:
        try:
            await answer(model, slow_request(implementation, model.card))
        except GONE as error:
            heard.append(error)

    async with anyio.create_task_group() as group, started(model):
        group.start_soon(ask)
        await until_busy(implementation, model)
    assert len(heard) == 1
