"""A model that is late with its first word is asked twice, rarely, and never seen to be."""

import anyio
import msgspec
import pytest

from modelnet.core.card import Price
from modelnet.interaction.strategy.pool import STALL_S
from modelnet.resource.backend.scripted import Dies, Hangs, Pace, ScriptedModel, scripted_card
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

STORY = " ".join(f"word{number}" for number in range(10))
PACE = Pace(first_token_s=0.1, tokens_per_s=50)
CALLS = 60


def teller(**card: object) -> ScriptedModel:
    made = msgspec.structs.replace(scripted_card("teller"), **card)
    return ScriptedModel(lambda _: STORY, card=made, pace=PACE, clock=virtual_clock)


async def practised(world: World, *models: ScriptedModel):
    """An asker that has seen every model often enough to know when it is late."""
    asker = await world.node("asker")
    for number, model in enumerate(models):
        await world.node(f"n{number}", model)
    await world.offers(asker, len(models))
    for _ in range(CALLS):
        for number in range(len(models)):
            await listen(asker, task("story", f"teller@n{number}"))
    return asker


def calls(*models: ScriptedModel) -> int:
    return sum(len(model.requests) for model in models)


async def test_a_straggler_is_not_waited_for(world: World):
    one, two = teller(), teller()
    asker = await practised(world, one, two)
    for slow, quick in ((one, two), (two, one)):
        slow.failure, quick.failure = Hangs(0), None
        for _ in range(2):
            began = virtual_clock()
            heard = await listen(asker, task("story", "teller"))
            assert heard.text == STORY
            assert virtual_clock() - began < 1.0
            assert len(heard.contributions) == 1
            assert [chunk for chunk in heard.chunks if chunk.finish] == heard.chunks[-1:]
            assert slow.running == 0


async def test_who_was_late_is_told(world: World):
    one, two = teller(), teller()
    asker = await practised(world, one, two)
    one.failure = Hangs(0)
    told = [(await listen(asker, task("story", "teller"))).contributions[0] for _ in range(4)]
    assert any(one.because.startswith("spoke first where teller was late") for one in told)


async def test_where_no_one_is_late_nobody_is_asked_twice(world: World):
    one, two = teller(), teller()
    asker = await practised(world, one, two)
    before = calls(one, two)
    for _ in range(40):
        await listen(asker, task("story", "teller"))
    assert calls(one, two) == before + 40


async def test_the_budget_bounds_the_extra_calls(world: World):
    models = [teller() for _ in range(3)]
    asker = await practised(world, *models)
    before = calls(*models)
    models[0].failure = Hangs(0)
    asked = 0
    with anyio.move_on_after(600):
        while asked < 200:
            await listen(asker, task("story", "teller", within_s=60))
            asked += 1
    assert asked == 200
    # Those saved up before, one in twenty of these, and takeovers where the budget was spent.
    assert calls(*models) - before <= asked * 1.05 + 10 + 10


async def test_a_model_that_costs_money_is_never_the_second(world: World):
    free, dear = teller(), teller(price=Price(100.0, 100.0))
    asker = await practised(world, free, dear)
    free.failure = Hangs(0)
    began = virtual_clock()
    heard = await listen(asker, task("story", "teller"))
    assert heard.text == STORY
    assert virtual_clock() - began > STALL_S
    assert heard.contributions[0].because.startswith("took over after engine_failed")


async def test_both_fail_and_a_third_answers(world: World):
    one, two, three = teller(), teller(), teller()
    asker = await practised(world, one, two, three)
    one.failure, two.failure = Hangs(0), Dies(0)
    for _ in range(3):
        heard = await listen(asker, task("story", "teller"))
        assert heard.text == STORY
        assert heard.contributions[-1].model == "teller"
