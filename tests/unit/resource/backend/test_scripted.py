"""The scripted model keeps to its script: pace, failures, continuation."""

import math
import time
from contextlib import aclosing

import anyio
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import DeadlineError, EngineError, OverloadedError
from modelnet.core.request import Chat, Complete, Embed, Message, Partial, Score, Step
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


async def only(model: ScriptedModel, request) -> Chunk:
    heard: list[Chunk] = []
    await hear(model, request, heard)
    (chunk,) = heard
    return chunk


async def test_its_steps_spell_its_answer():
    model = await started()
    said = ""
    while token := (await only(model, Step(chat(begun=said), top_k=1))).alternatives[0].text:
        said += token
    assert said == ANSWER


async def test_a_step_tells_how_sure_it_is():
    model = await started(p_token=0.6)
    told = (await only(model, Step(chat(begun="The fox")))).alternatives
    assert told[0].text == " has"
    assert told[0].logprob == math.log(0.6)
    assert sum(math.exp(one.logprob) for one in told) == pytest.approx(1.0)
    assert any(one.bytes == b"" for one in told)


async def test_off_its_script_it_is_at_a_loss():
    model = await started()
    told = (await only(model, Step(chat(begun="A crow")))).alternatives
    assert len({one.logprob for one in told}) == 1
    assert sum(math.exp(one.logprob) for one in told) == pytest.approx(1.0)


async def test_it_is_as_sure_of_what_it_would_say_as_it_says():
    model = await started(p_token=0.5)
    tokens = (await only(model, Score(chat(begun="The"), " fox has it."))).tokens
    assert "".join(token.text for token in tokens) == " fox has it."
    assert {token.logprob for token in tokens} == {math.log(0.5)}
    other = (await only(model, Score(chat(), "The crow has it."))).tokens
    assert [token.logprob for token in other[:2]] == [math.log(0.5), math.log(1e-6)]
    # The script cut in another place is the script.
    (cut,) = (await only(model, Score(chat(begun="The fo"), "x"))).tokens
    assert cut.logprob == math.log(0.5)


@pytest.mark.parametrize("p_token", [1.0, 0.01])
async def test_any_certainty_is_a_probability(p_token):
    model = await started(p_token=p_token)
    for request in (Step(chat()), Score(chat(), "nothing of the kind")):
        chunk = await only(model, request)
        told = [*chunk.alternatives, *chunk.tokens]
        assert told
        assert all(-20 < one.logprob <= 0 for one in told)


@pytest.mark.parametrize("request_of", [Step, lambda prefix: Score(prefix, "a")])
async def test_failures_meet_steps_and_scores_too(request_of):
    with pytest.raises(EngineError):
        await only(await started(failure=Dies(0)), request_of(chat()))
    with pytest.raises(OverloadedError):
        await only(await started(failure=Refuses()), request_of(chat()))
