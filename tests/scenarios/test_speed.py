"""How fast a model is, is measured by whoever asks it, in a network on virtual time."""

import anyio
import pytest

from modelnet.core.request import Chat, Embed, Message, Sampling
from modelnet.core.standing import NEVER_MEASURED, Speed
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import listen, task

pytestmark = pytest.mark.anyio

TALE = " ".join(f"word{number}" for number in range(50))


def tale(name: str, pace: Pace) -> ScriptedModel:
    card = scripted_card(name, parallel=1)
    return ScriptedModel(lambda _: TALE, card=card, pace=pace, clock=virtual_clock)


def speed_of(node, model: str) -> Speed:
    return next(offer.speed for offer in node.offers() if offer.card.name == model)


async def test_an_answer_tells_the_first_token_and_the_rate(world):
    await world.node("far", tale("tale", Pace(first_token_s=0.5, tokens_per_s=20.0)))
    near = await world.node("near")
    await world.offers(near, 1)
    assert speed_of(near, "tale") == NEVER_MEASURED
    heard = await listen(near, task("Tell me a tale.", "tale"))
    assert heard.text == TALE
    seen = speed_of(near, "tale")
    assert seen.first_token_s == pytest.approx(0.55, abs=0.05)
    assert seen.tokens_per_s == pytest.approx(20.0, rel=0.05)
    assert seen.latency_s == pytest.approx(5.5, rel=0.05)


async def test_the_wait_behind_others_is_left_out(world):
    await world.node("far", tale("tale", Pace(first_token_s=0.5, tokens_per_s=20.0)))
    near = await world.node("near")
    await world.offers(near, 1)
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(listen, near, task("Tell me a tale.", "tale"))
    seen = speed_of(near, "tale")
    assert seen.latency_s == pytest.approx(5.5, rel=0.1)
    assert seen.first_token_s == pytest.approx(0.55, abs=0.2)


async def test_a_vector_says_nothing_of_how_fast_it_tells_tales(world):
    near = await world.node("near", tale("tale", Pace(first_token_s=0.5, tokens_per_s=20.0)))
    await listen(near, task(Embed(("a text",)), "tale"))
    assert speed_of(near, "tale") == NEVER_MEASURED


async def test_examiners_tell_it_to_the_network(world):
    skilled = tale("tale", Pace(first_token_s=0.5, tokens_per_s=100.0))
    await world.node("examiner", exams=True)
    await world.node("owner", skilled)
    third = await world.node("third")
    with anyio.fail_after(600):
        await third.wait_until(lambda directory: bool(directory.standings))
    (standing, *_) = third.directory.standings
    assert standing.first_token_s == pytest.approx(0.52, abs=0.05)
    assert standing.tokens_per_s == pytest.approx(100.0, rel=0.1)
    assert speed_of(third, "tale").first_token_s == standing.first_token_s


async def test_short_answers_are_asked_where_the_first_token_comes_soon(world):
    await world.node("one", tale("prompt", Pace(first_token_s=0.1, tokens_per_s=5.0)))
    await world.node("two", tale("fluent", Pace(first_token_s=3.0, tokens_per_s=500.0)))
    near = await world.node("near")
    await world.offers(near, 2)
    for model in ("prompt", "fluent"):
        await listen(near, task("Tell me a tale.", model))
    for limit, expected in ((2, "prompt"), (None, "fluent")):
        sampling = Sampling(max_tokens=limit)
        asked = Chat((Message("user", "Tell me a tale."),), sampling=sampling)
        assert (await listen(near, task(asked, "auto:fast"))).models == [expected]
