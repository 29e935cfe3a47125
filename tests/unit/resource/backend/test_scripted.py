"""The scripted model keeps to its script: pace, failures, continuation."""

import math
import time
from contextlib import aclosing

import anyio
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import DeadlineError, EngineError, OverloadedError
from modelnet.core.request import Chat, Complete, Embed, Message, Partial
from modelnet.resource.backend.scripted import (
    BreaksOff,
    Dies,
    Hangs,
    Pace,
    Refuses,
    ScriptedModel,
    scripted_card,
)

pytestmark = pytest.mark.anyio
ANSWER = "The fox has it."


def chat(prompt: str = "who?", begun: str = "") -> Chat:
    return Chat((Message("user", prompt),), partial=Partial(text=begun))


async def hear(model: ScriptedModel, request, heard: list[Chunk], within_s: float = 5.0) -> str:
    async with aclosing(model.run(request, deadline=time.time() + within_s)) as chunks:
        async for chunk in chunks:
            heard.append(chunk)  # noqa: PERF401 - what was heard before a failure counts
    return "".join(chunk.text for chunk in heard)


async def started(**options) -> ScriptedModel:
    model = ScriptedModel({"who?": ANSWER}, **options)
    await model.start()
    return model


async def test_it_answers_by_table_by_rule_and_else_echoes():
    model = await started()
    assert await hear(model, chat(), []) == ANSWER
    assert await hear(model, chat("unknown"), []) == "unknown"
    ruled = ScriptedModel(str.upper)
    await ruled.start()
    assert await hear(ruled, Complete("abc"), []) == "ABC"


@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
async def test_a_begun_answer_is_continued_from_any_character(cut):
    model = await started()
    assert await hear(model, chat(begun=ANSWER[:cut]), []) == ANSWER[cut:]


async def test_another_answer_is_not_continued():
    with pytest.raises(EngineError):
        await hear(await started(), chat(begun="A crow"), [])


async def test_it_dies_after_so_many_tokens():
    heard: list[Chunk] = []
    with pytest.raises(EngineError):
        await hear(await started(failure=Dies(2)), chat(), heard)
    assert "".join(c.text for c in heard) == "The fox"


async def test_a_short_answer_is_over_before_the_death():
    assert await hear(await started(failure=Dies(100)), chat(), []) == ANSWER


async def test_it_breaks_off_without_an_end():
    heard: list[Chunk] = []
    await hear(await started(failure=BreaksOff(1)), chat(), heard)
    assert [c.text for c in heard] == ["The"]
    assert heard[-1].finish is None


async def test_it_hangs_until_the_deadline():
    heard: list[Chunk] = []
    with pytest.raises(DeadlineError):
        await hear(await started(failure=Hangs(1)), chat(), heard, within_s=0.05)
    assert [c.text for c in heard] == ["The"]


async def test_it_refuses_and_says_when_to_come_back():
    model = await started(failure=Refuses(2.5))
    with pytest.raises(OverloadedError) as caught:
        await hear(model, chat(), [])
    assert caught.value.retry_after_s == 2.5
    model.failure = None
    assert await hear(model, chat(), []) == ANSWER


async def test_it_keeps_its_pace():
    model = await started(pace=Pace(first_token_s=0.05, tokens_per_s=100.0))
    began = time.monotonic()
    await hear(model, chat(), [])
    assert 0.09 < time.monotonic() - began < 1.0


async def test_it_knows_what_it_was_asked_and_what_runs():
    model = await started(failure=Hangs(0))
    async with anyio.create_task_group() as group:
        group.start_soon(hear, model, chat(), [])
        await anyio.wait_all_tasks_blocked()
        assert model.running == 1
        group.cancel_scope.cancel()
    assert model.running == 0
    assert model.requests == [chat()]


async def test_its_vectors_are_the_same_for_the_same_text():
    model = await started()
    heard: list[Chunk] = []
    await hear(model, Embed(("a", "b", "a")), heard)
    first, second, third = heard[0].vectors
    assert first == third != second
    assert len(first) == 8 * 4


async def test_its_log_probabilities_are_as_scripted():
    card = scripted_card("sure")
    from msgspec.structs import replace

    from modelnet.core.request import Sampling

    model = ScriptedModel({"who?": ANSWER}, card=replace(card, has_logprobs=True), p_token=0.5)
    await model.start()
    heard: list[Chunk] = []
    await hear(model, Chat((Message("user", "who?"),), Sampling(top_logprobs=0)), heard)
    tokens = [token for chunk in heard for token in chunk.tokens]
    assert "".join(token.text for token in tokens) == ANSWER
    assert {token.logprob for token in tokens} == {math.log(0.5)}
