"""A paced model: the same answer, no faster than told."""

from contextlib import aclosing

import anyio
import msgspec
import pytest

from modelnet.core.error import DeadlineError, SettingsError
from modelnet.core.request import Chat, Message, Partial, Sampling
from modelnet.resource.backend.paced import PacedModel
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.specification import model_from
from modelnet.testbed.virtual_time import run_virtual, virtual_clock

TEXT = "one two three four"
NEVER = float("inf")


def chat(**changes):
    return Chat((Message("user", "count"),), **changes)


async def collect(model, request, deadline=NEVER):
    began = anyio.current_time()
    async with aclosing(model.run(request, deadline=deadline)) as chunks:
        return [(anyio.current_time() - began, chunk) async for chunk in chunks]


async def started(characters_per_s=10.0, *, has_logprobs=False):
    card = msgspec.structs.replace(scripted_card(), has_logprobs=has_logprobs)
    inner = ScriptedModel({"count": TEXT}, card=card, clock=virtual_clock)
    model = PacedModel(inner, characters_per_s, clock=virtual_clock)
    await model.start()
    return model


def test_characters_come_one_by_one_at_the_pace():
    async def main():
        return await collect(await started(), chat())

    seen = run_virtual(main)
    letters = [(at_s, chunk.text) for at_s, chunk in seen if chunk.text]
    assert [text for _, text in letters] == list(TEXT)
    assert [at_s for at_s, _ in letters] == pytest.approx(
        [0.1 * i for i in range(1, len(TEXT) + 1)]
    )


def test_only_the_last_chunk_says_that_it_is_the_last():
    async def main():
        return await collect(await started(), chat())

    chunks = [chunk for _, chunk in run_virtual(main)]
    assert [chunk.finish for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish == "stop"
    assert chunks[-1].usage is not None


def test_an_answer_begun_elsewhere_is_continued():
    async def main():
        return await collect(await started(), chat(partial=Partial(text=TEXT[:8])))

    assert "".join(chunk.text for _, chunk in run_virtual(main)) == TEXT[8:]


def test_chunks_with_log_probabilities_stay_whole():
    async def main():
        model = await started(has_logprobs=True)
        return await collect(model, chat(sampling=Sampling(top_logprobs=0)))

    chunks = [chunk for _, chunk in run_virtual(main) if chunk.text]
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert all(chunk.text == "".join(token.text for token in chunk.tokens) for chunk in chunks)
    assert len(chunks) < len(TEXT)


def test_the_deadline_holds_while_pacing():
    async def main():
        model = await started()
        with pytest.raises(DeadlineError):
            await collect(model, chat(), deadline=virtual_clock() + 0.45)
        return anyio.current_time()

    assert run_virtual(main) == pytest.approx(0.45)


def test_a_pace_is_part_of_a_specification():
    model = model_from("python:os.path:basename?pace=20")
    assert isinstance(model, PacedModel)
    assert model.card.name == "basename"


def test_a_pace_of_nothing_is_refused():
    with pytest.raises(SettingsError, match="would never answer"):
        model_from("python:os.path:basename?pace=0")
