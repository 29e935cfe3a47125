"""Races on virtual time: the first answer on which two voices agree, nobody waited for in vain."""

import anyio
import pytest

from modelnet.resource.backend.scripted import Dies, Hangs, Pace
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

CAPITAL = "Which town is the seat of the government of Ruritania?"
STORY = " ".join(f"word{number}" for number in range(40))
P = {"a": 0.7, "b": 0.65, "c": 0.6}


def paced(first_token_s: float) -> Pace:
    return Pace(first_token_s, 50)


async def test_two_that_agree_win_and_the_slow_one_is_cancelled(world: World):
    slow = member("a", "Zenda", pace=paced(9.0))
    asker = await committee(
        world,
        slow,
        member("b", "Strelsau", pace=paced(0.1)),
        member("c", "The answer is strelsau.", pace=paced(0.5)),
        p_right=P,
    )
    began = virtual_clock()
    heard = await listen(asker, task(CAPITAL, "race"))
    assert heard.text == "Strelsau"
    assert heard.models == ["b"]
    assert {(o.model, o.what) for o in heard.contributions[0].others} == {
        ("c", "agreed"),
        ("a", "not waited for"),
    }
    assert virtual_clock() - began < 1.0
    await anyio.sleep(0.2)
    assert slow.running == 0


async def test_nobody_agrees_and_the_most_probable_is_told(world: World):
    asker = await committee(
        world, member("b", "Hentzau"), member("a", "Strelsau"), member("c", "Zenda"), p_right=P
    )
    heard = await listen(asker, task(CAPITAL, "race"))
    assert (heard.text, heard.models) == ("Strelsau", ["a"])
    assert [other.what for other in heard.contributions[0].others] == ["differed", "differed"]


async def test_replicas_are_not_asked_to_outvote_the_others(world: World):
    asker = await world.node("asker")
    for number in range(3):
        await world.node(f"n{number}", member("sheep", "Zenda"))
    other = member("wolf", "Strelsau", pace=paced(0.2))
    await world.node("other", other)
    await world.offers(asker, 4)
    heard = await listen(asker, task(CAPITAL, "race"))
    assert len(heard.contributions[0].others) == 1
    assert len(other.requests) == 1


async def test_models_of_one_stranger_count_once(world: World):
    asker = await world.node("asker")
    flock = [member(name, "Zenda") for name in ("x", "y", "z")]
    await world.node("stranger", *flock)
    await world.node("other", member("wolf", "Strelsau"))
    await world.offers(asker, 4)
    await listen(asker, task(CAPITAL, "race"))
    assert sum(len(model.requests) for model in flock) == 1


async def test_models_of_ones_own_machine_count_each(world: World):
    asker = await world.node("asker", member("x", "Zenda"), member("y", "zenda"))
    heard = await listen(asker, task(CAPITAL, "race"))
    assert [other.what for other in heard.contributions[0].others] == ["agreed"]


async def test_a_lone_survivor_answers(world: World):
    models = [member(name, STORY) for name in "abc"]
    models[0].failure, models[1].failure = Dies(3), Dies(0)
    asker = await committee(world, *models, p_right=P)
    heard = await listen(asker, task("story", "race"))
    assert (heard.text, heard.models) == (STORY, ["c"])
    assert [other.what for other in heard.contributions[0].others] == ["failed", "failed"]


async def test_where_all_runners_fall_somebody_else_answers(world: World):
    models = [member(name, STORY) for name in "abcd"]
    for model in models[:3]:
        model.failure = Dies(2)
    asker = await committee(world, *models, p_right={**P, "d": 0.3})
    heard = await listen(asker, task("story", "race"))
    assert (heard.text, heard.models) == (STORY, ["d"])


async def test_without_agreement_the_slowest_is_not_waited_for(world: World):
    models = [member("a", "Strelsau"), member("b", "Zenda"), member("c", "Hentzau")]
    models[2].failure = Hangs(0)
    asker = await committee(world, *models, p_right=P)
    began = virtual_clock()
    heard = await listen(asker, task(CAPITAL, "race"))
    assert heard.text == "Strelsau"
    assert virtual_clock() - began < 2.0


async def test_prose_of_the_best_is_told_at_once(world: World):
    models = [member("a", STORY), member("b", STORY + " more", pace=paced(5.0))]
    asker = await committee(world, *models, p_right=P)
    began = virtual_clock()
    heard = await listen(asker, task("story", "race"))
    assert heard.text == STORY
    assert virtual_clock() - began < 2.0


async def test_two_that_are_mostly_wrong_do_not_decide_before_a_better_one(world: World):
    asker = await committee(
        world,
        member("a", "Strelsau", pace=paced(0.3)),
        member("b", "Zenda"),
        member("c", "Zenda"),
        p_right={"a": 0.95, "b": 0.4, "c": 0.4},
    )
    heard = await listen(asker, task(CAPITAL, "race"))
    assert heard.text == "Strelsau"


async def test_who_is_mostly_wrong_does_not_run(world: World):
    weak = member("c", "Strelsau")
    asker = await committee(
        world, member("a", "Strelsau"), member("b", "Zenda"), weak, p_right={**P, "c": 0.2}
    )
    await listen(asker, task(CAPITAL, "race"))
    assert weak.requests == []


async def test_what_was_worked_out_needs_no_second_voice(world: World):
    slow = member("b", "42", pace=paced(5.0))
    asker = await committee(world, member("a", "42"), slow, p_right=P)
    began = virtual_clock()
    assert (await listen(asker, task("What is 17 + 25?", "race"))).text == "42"
    assert virtual_clock() - began < 1.0


async def test_what_is_too_dear_does_not_run(world: World):
    dear = member("c", "Strelsau", price=20_000.0)
    asker = await committee(world, member("a", "Strelsau"), member("b", "Zenda"), dear, p_right=P)
    await listen(asker, task(CAPITAL, "race"))
    assert dear.requests == []
