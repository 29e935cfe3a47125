"""Claims are measured: newcomers sit an exam, and routing follows what was measured."""

import random

import anyio
import msgspec
import pytest

from modelnet.core.card import Skill
from modelnet.core.standing import Standing
from modelnet.interaction.examiner import QUESTIONS_PER_NEWCOMER, ExamProgress
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.service.skill import draw
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio


def knows(skill: str) -> dict[str, str]:
    """Nearly every question of a skill, with its answer."""
    rng = random.Random(1)
    drawn = (draw(skill, rng, "test") for _ in range(20_000))
    return {question.prompt: question.answer for question in drawn}


FACTS = knows("facts")


def student(name: str, answers: dict[str, str]) -> ScriptedModel:
    card = msgspec.structs.replace(scripted_card(name), skills=(Skill("facts", "Facts"),))
    return ScriptedModel(lambda prompt: answers.get(prompt, "no idea"), card=card, pace=Pace(0.01))


async def measured(node, count: int) -> None:
    def is_measured(directory):
        return sum(bool(offer.skills) for offer in directory.offers) == count

    with anyio.fail_after(60):
        await node.wait_until(is_measured)


async def test_newcomers_are_measured_and_the_network_hears_of_it(world: World):
    asker = await world.node("asker", exams=True)
    await world.node("wise", student("wise", FACTS), exams=True)
    await world.node("bluff", student("bluff", {}), exams=True)
    await measured(asker, 2)
    by_name = {offer.card.name: offer.skills["facts"] for offer in asker.offers()}
    assert by_name["wise"].asked >= QUESTIONS_PER_NEWCOMER
    assert by_name["wise"].mean() > 0.8
    assert by_name["bluff"].right == 0


async def test_a_bluffer_is_not_asked_again(world: World):
    asker = await world.node("asker", exams=True)
    await world.node("bluff", student("bluff", {}), exams=True)
    await world.node("wise", student("wise", FACTS), exams=True)
    await measured(asker, 2)
    prompt = next(iter(FACTS))
    heard = await listen(asker, task(prompt))
    assert heard.models == ["wise"]
    assert heard.text == FACTS[prompt]


async def test_a_newcomer_that_knows_better_is_used_within_two_seconds(world: World):
    asker = await world.node("asker", exams=True)
    await world.node("bluff", student("bluff", {}), exams=True)
    await measured(asker, 1)
    prompt = next(iter(FACTS))
    await world.node("late", student("late", FACTS), exams=True)
    with anyio.fail_after(2):
        await measured(asker, 2)
        assert (await listen(asker, task(prompt))).models == ["late"]


async def test_a_node_alone_examines_itself(world: World):
    alone = await world.node("alone", student("wise", FACTS), exams=True)
    await measured(alone, 1)


async def test_an_exam_on_demand_tells_its_progress(world: World):
    asker = await world.node("asker")
    await world.node("wise", student("wise", FACTS))
    await world.offers(asker, 1)
    steps = [step async for step in asker.parts.examiner.examine(asker.offers()[0], seed=3)]
    assert steps[:-1] == [
        ExamProgress(done, QUESTIONS_PER_NEWCOMER) for done in range(1, QUESTIONS_PER_NEWCOMER + 1)
    ]
    assert isinstance(steps[-1], Standing)
    assert steps[-1].latency_s == pytest.approx(0.01, abs=0.005)


async def test_a_node_that_leaves_during_its_exam_gets_no_standing(world: World):
    asker = await world.node("asker", exams=True)
    leaver = await world.node("leaver", student("wise", FACTS))
    await world.offers(asker, 1)
    await anyio.sleep(0.05)
    world.hub.crash(leaver.id)
    await anyio.sleep(20)
    assert asker.directory.standings == ()
