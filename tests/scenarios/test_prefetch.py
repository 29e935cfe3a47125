"""What usually comes next is asked beforehand, and never in anybody's way."""

import anyio
import msgspec
import pytest

from modelnet.core.card import Price
from modelnet.interaction.recall.prefetcher import QUIET_S, SHARE
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

NEWS, WEATHER = "What is in the news?", "How is the weather?"
FOR_S = 100.0
AHEAD = {"cache": "exact", "prefetch": True, "cache_s": FOR_S}


def model(name: str = "m", pace: Pace | None = None, **card) -> ScriptedModel:
    made = msgspec.structs.replace(scripted_card(name), **card)
    return ScriptedModel(lambda _: "Fine.", card=made, pace=pace, clock=virtual_clock)


async def learns(node, *models: str, days: int = 3) -> None:
    """Ask for the one and then the other, often enough, and enough else to afford a call."""
    for number in range(round(1 / SHARE)):
        await listen(node, task(f"Something else, {number}", *models))
    for _ in range(days):
        await listen(node, task(NEWS, *models))
        await anyio.sleep(5.0)
        await listen(node, task(WEATHER, *models))
        await anyio.sleep(FOR_S + 1.0)


def asked_for(model: ScriptedModel, text: str) -> int:
    return sum(request.prompt == text for request in model.requests)


async def test_what_comes_next_is_there_before_it_is_asked(world: World):
    served = model(pace=Pace(1.0))
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    before = asked_for(served, WEATHER)
    await listen(node, task(NEWS))
    await anyio.sleep(QUIET_S + 2.0)
    assert asked_for(served, WEATHER) == before + 1
    began = virtual_clock()
    heard = await listen(node, task(WEATHER))
    assert virtual_clock() == began
    assert heard.contributions[0].because.startswith("answered from the cache: asked beforehand")
    status = node.parts.recaller.status
    assert (status.fetched, status.fetched_used, status.given_up) == (1, 1, 0)
    await listen(node, task(WEATHER))
    assert node.parts.recaller.status.fetched_used == 1


async def test_what_is_known_still_is_not_asked(world: World):
    served = model()
    node = await world.node("n", served, settings={**AHEAD, "cache_s": 10_000.0})
    await learns(node)
    assert asked_for(served, WEATHER) == 1


async def test_real_work_comes_first(world: World):
    served = model(pace=Pace(5.0))
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    await listen(node, task(NEWS))
    await anyio.sleep(QUIET_S + 1.0)
    assert served.running == 1
    await listen(node, task("Something new"))
    assert served.running == 0
    status = node.parts.recaller.status
    assert (status.fetched, status.given_up) == (0, 1)
    assert not (await listen(node, task(WEATHER))).contributions[0].recalled


async def test_who_asks_for_that_very_thing_waits_for_it(world: World):
    served = model(pace=Pace(5.0))
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    before = asked_for(served, WEATHER)
    await listen(node, task(NEWS))
    await anyio.sleep(QUIET_S + 1.0)
    heard = await listen(node, task(WEATHER))
    assert heard.contributions[0].recalled is not None
    assert asked_for(served, WEATHER) == before + 1


async def test_others_work_comes_first_too(world: World):
    served = model(pace=Pace(15.0))
    node = await world.node("n", served, settings=AHEAD)
    other = await world.node("other")
    await world.offers(other, 1)
    await learns(node, "m")
    await listen(node, task(NEWS, "m"))
    await anyio.sleep(QUIET_S + 1.0)
    assert served.running == 1
    async with anyio.create_task_group() as group:
        group.start_soon(listen, other, task("Something of mine"))
        await anyio.sleep(10.0)
        assert node.parts.recaller.status.given_up == 1
        assert served.running == 1
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    "card",
    [{"is_metered": True}, {"price": Price(1.0, 1.0)}, {"engine": "python"}],
    ids=["metered", "dear", "a program"],
)
async def test_never_of_who_costs_or_acts(world: World, card):
    served = model(**card)
    node = await world.node("n", served, settings=AHEAD)
    await learns(node, days=6)
    assert asked_for(served, WEATHER) == 6
    assert node.parts.recaller.status.fetched == 0


async def test_at_most_one_call_in_twenty(world: World):
    served = model()
    node = await world.node("n", served, settings=AHEAD)
    await learns(node, days=40)
    status = node.parts.recaller.status
    assert 1 <= status.fetched <= SHARE * (len(served.requests) - status.fetched)


async def test_whose_model_is_gone_is_left_alone(world: World):
    served = model()
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    await listen(node, task(NEWS))
    await node.withdraw("m")
    await anyio.sleep(10.0)
    assert node.parts.recaller.status.fetched == 0


async def test_what_fails_is_given_up_and_the_next_day_comes(world: World):
    served = model()
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    await listen(node, task(NEWS))
    await served.stop()
    await anyio.sleep(10.0)
    status = node.parts.recaller.status
    assert (status.fetched, status.given_up) == (0, 1)
    await served.start()
    await anyio.sleep(FOR_S)
    assert (await listen(node, task(WEATHER))).text == "Fine."


async def test_owners_have_their_own_habits(world: World):
    served = model()
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    before = asked_for(served, WEATHER)
    await listen(node, msgspec.structs.replace(task(NEWS), owner="bob"))
    await anyio.sleep(10.0)
    assert asked_for(served, WEATHER) == before


async def test_deleting_stops_and_forgets_it(world: World):
    served = model(pace=Pace(5.0))
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    await listen(node, task(NEWS))
    await anyio.sleep(QUIET_S + 1.0)
    await node.parts.answering.forget()
    await anyio.sleep(0.0)
    assert served.running == 0
    before = asked_for(served, WEATHER)
    await listen(node, task(NEWS))
    await anyio.sleep(10.0)
    assert asked_for(served, WEATHER) == before


async def test_leaving_in_the_middle_of_it(world: World):
    served = model(pace=Pace(15.0))
    node = await world.node("n", served, settings=AHEAD)
    await learns(node)
    await listen(node, task(NEWS))
    await anyio.sleep(QUIET_S + 1.0)
    assert served.running == 1
