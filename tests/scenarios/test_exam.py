"""Claims are measured: newcomers sit an exam, and routing follows what was measured."""

import random

import anyio
import msgspec
import pytest

from modelnet.core.card import Price, Skill
from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing, Tally
from modelnet.interaction.examiner import AGAIN_S, QUESTIONS_PER_NEWCOMER, ExamProgress
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.message import encode
from modelnet.service.change import Change
from modelnet.service.sitting import LEAST
from modelnet.service.skill import draw
from modelnet.service.standing import Beliefs
from modelnet.testbed.virtual_time import virtual_clock
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
    assert by_name["wise"].asked >= QUESTIONS_PER_NEWCOMER / 2
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


async def test_a_bluffer_beside_a_good_model_is_asked_little(world: World):
    asker = await world.node("asker", exams=True)
    await world.node("wise", student("wise", FACTS))
    await measured(asker, 1)
    bluff = student("bluff", {})
    await world.node("bluff", bluff)
    await measured(asker, 2)
    assert len(bluff.requests) == LEAST


def pupil(knows: set[str]) -> ScriptedModel:
    """A student that answers only the questions it knows now."""
    card = msgspec.structs.replace(scripted_card("pupil"), skills=(Skill("facts", "Facts"),))
    rule = lambda prompt: FACTS[prompt] if prompt in knows else "no idea"  # noqa: E731
    return ScriptedModel(rule, card=card, pace=Pace(0.01))


async def judged(node, prompts: list[str]) -> None:
    """Ask, and have every answer judged by somebody who knows."""
    for prompt in prompts:
        asked = task(prompt)
        heard = await listen(node, asked)
        node.parts.teacher.judge(asked.id, "", float(heard.text == FACTS[prompt]))


async def test_a_model_that_became_worse_is_found_out_told_of_and_examined_again(world, caplog):
    knows = set(FACTS)
    asker = await world.node("asker", exams=True)
    await world.node("school", pupil(knows))
    await measured(asker, 1)
    prompts = list(FACTS)[:60]
    await judged(asker, prompts[:30])
    (before,) = asker.directory.standings
    assert before.skills["facts"].mean() > 0.8
    knows.clear()
    await judged(asker, prompts[30:50])
    with anyio.fail_after(60):
        await asker.wait_until(lambda directory: directory.standings != (before,))
    (after,) = asker.directory.standings
    assert after.measured_at > before.measured_at
    assert after.skills["facts"].right == 0
    assert [r.levelname for r in caplog.records if "became worse" in r.message] == ["WARNING"]


async def test_a_model_that_stays_as_good_is_left_alone(world: World, caplog):
    asker = await world.node("asker", exams=True)
    wise = student("wise", FACTS)
    await world.node("school", wise)
    await measured(asker, 1)
    examined = len(wise.requests)
    await judged(asker, list(FACTS)[:100])
    await anyio.sleep(5)
    assert len(wise.requests) == examined + 100
    assert "became" not in caplog.text


def worse(node: NodeId, model: str = "wise") -> Change:
    return Change(node, model, "worse", before=0.9, since=0.2, answers=12.0, kept=0.1)


async def test_a_model_that_changes_and_changes_is_not_examined_all_the_time(world: World):
    asker = await world.node("asker", exams=True)
    school = await world.node("school", student("wise", FACTS))
    await measured(asker, 1)
    exams = [asker.directory.standings[0].measured_at]
    for rest_s in (60, 60, AGAIN_S, 60):
        asker.parts.examiner.doubt(worse(school.id))
        await anyio.sleep(rest_s)
        exams.append(asker.directory.standings[0].measured_at)
    first, second, third, fourth, fifth = exams
    assert first < second == third == fourth < fifth


async def test_a_change_of_what_went_away_or_costs_money_starts_no_exam(world: World):
    asker = await world.node("asker", exams=True)
    card = msgspec.structs.replace(scripted_card("dear"), price=Price(1.0, 1.0))
    dear = ScriptedModel(FACTS, card=card)
    far = await world.node("far", dear)
    await world.offers(asker, 1)
    asker.parts.examiner.doubt(worse(far.id, "dear"))
    asker.parts.examiner.doubt(worse(NodeId("gone")))
    await anyio.sleep(60)
    assert dear.requests == []
    await world.node("school", student("wise", FACTS))
    await measured(asker, 1)


def lie(liar: NodeId, node: NodeId, model: str) -> Standing:
    return Standing(
        examiner=liar,
        node=node,
        model=model,
        skills={"facts": Tally(0, 24)},
        latency_s=0.1,
        tokens_per_answer=5.0,
        measured_at=virtual_clock(),
    )


async def test_a_reporter_that_lies_loses_its_say_on_models_never_met(world: World):
    asker = await world.node("asker", exams=True)
    liar = await world.node("liar")
    schools = [await world.node(f"school{n}", student(f"wise{n}", FACTS)) for n in range(2)]
    await measured(asker, len(schools))
    # Asking it costs money: it sits no uninvited exam.
    dear = msgspec.structs.replace(scripted_card("dear"), price=Price(1.0, 1.0))
    far = await world.node("far", ScriptedModel(FACTS, card=dear))
    await world.offers(asker, len(schools) + 1)
    lies = [lie(liar.id, far.id, "dear")]
    beliefs: Beliefs = asker.parts.teacher._router._beliefs

    async def believed(*more: Standing) -> float:
        lies.extend(more)
        await liar.parts.network.announce("standing", encode(tuple(lies)))
        await anyio.sleep(1)
        return beliefs.tallies(far.id, "dear", virtual_clock()).get("facts", Tally()).asked

    assert await believed() == pytest.approx(12, abs=0.1)
    others = [lie(liar.id, school.id, f"wise{n}") for n, school in enumerate(schools)]
    assert await believed(*others) == 0
