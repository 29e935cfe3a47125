"""Two models, each right on a topic that no exam asks about: verdicts tell them apart."""

import random
from contextlib import AsyncExitStack

import msgspec
import pytest

from modelnet.application.node import Node
from modelnet.core.request import Infer
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.service.analysis import analyse
from modelnet.service.kind import OTHER
from modelnet.service.neighbourhood import packed
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World, listen, task
from tests.scenarios.topic import WordEncoder, direction

pytestmark = pytest.mark.anyio

COOKING = "bread dough oven flour yeast crust loaf knead bake rise".split()
SAILING = "sail mast keel wind anchor rudder deck harbour hull tack".split()
TOPICS = {"cook": COOKING, "sailor": SAILING}
DAY_S = 24 * 3600.0
KEEPS = {"keep_embeddings": True}


def question(rng: random.Random, topic: str) -> str:
    return " ".join(("about", *rng.sample(TOPICS[topic], 6)))


def model(name: str) -> ScriptedModel:
    return ScriptedModel(lambda _: f"The {name} says so.", card=scripted_card(name))


async def asker(world: World, encoder: WordEncoder | None, **told) -> Node:
    node = await world.node("asker", model("cook"), model("sailor"), **told)
    if encoder is not None:
        node.parts.reader.use(encoder)
    return node


async def ask(node: Node, topic: str, rng: random.Random, *, swapped: bool = False) -> bool:
    """Ask about a topic, give a verdict, and tell whether who answered knows the topic."""
    asked = task(question(rng, topic))
    heard = await listen(node, asked)
    is_right = (heard.models[-1] == topic) != swapped
    node.parts.teacher.judge(asked.id, "", float(is_right))
    return is_right


async def share(node: Node, rng: random.Random, count: int = 40, **how) -> float:
    topics = [rng.choice([*TOPICS]) for _ in range(count)]
    return sum([await ask(node, topic, rng, **how) for topic in topics]) / count


async def test_the_questions_are_of_no_kind():
    rng = random.Random(1)
    for topic in TOPICS:
        for _ in range(20):
            assert analyse(task(question(rng, topic)).request).kind.most_likely == OTHER


async def test_after_thirty_verdicts_each_is_asked_what_it_knows(world: World):
    node, rng = await asker(world, WordEncoder()), random.Random(2)
    await share(node, rng, 30)
    assert await share(node, rng) >= 0.9


async def test_without_an_encoder_nothing_is_near(world: World):
    node, rng = await asker(world, None), random.Random(2)
    await share(node, rng, 30)
    told = await node.parts.teacher.explain(task(question(rng, "cook")))
    assert not [one for considered in told.considered for one in considered.seen]


async def reborn(world: World, earlier: Node, *, after_s: float = 0.0) -> Node:
    """Return a node that has seen nothing, and recalls what the earlier one stored so long ago."""
    node = await asker(world, WordEncoder(), settings=KEEPS)
    async for entry in earlier.parts.store.export():
        moved = msgspec.structs.replace(entry, node=node.id, at=entry.at - after_s)
        node.parts.store.add(msgspec.json.decode(msgspec.json.encode(moved), type=type(moved)))
    assert await node.parts.teacher.recall() > 0
    return node


async def test_a_new_life_knows_it_still(world: World):
    first, rng = await asker(world, WordEncoder(), settings=KEEPS), random.Random(3)
    await share(first, rng, 30)
    second = await reborn(world, first)
    topics = [*TOPICS] * 10
    heard = [await listen(second, task(question(rng, topic))) for topic in topics]
    assert sum(one.models == [topic] for one, topic in zip(heard, topics, strict=True)) >= 18


async def test_models_that_changed_places_are_found_out(world: World):
    """What was true three days ago is an eighth of the evidence, and soon outvoted."""
    before, rng = await asker(world, WordEncoder(), settings=KEEPS), random.Random(4)
    await share(before, rng, 40)
    node = await reborn(world, before, after_s=3 * DAY_S)
    await share(node, rng, 40, swapped=True)
    assert await share(node, rng, swapped=True) >= 0.9


async def test_a_change_that_is_seen_counts_here_too(world: World):
    node, rng = await asker(world, WordEncoder()), random.Random(8)

    async def near_right(verdict: float, count: int) -> float:
        """Let whoever answers be judged so, and return what counts as right then, of both."""
        for _ in range(count):
            asked = task(question(rng, "cook"))
            await listen(node, asked)
            node.parts.teacher.judge(asked.id, "", verdict)
        told = await node.parts.teacher.explain(task(question(rng, "cook")))
        return sum(seen.right for one in told.considered for seen in one.seen)

    before = await near_right(1.0, 40)
    assert before > 35.0
    assert await near_right(0.0, 20) < before / 2


async def test_what_is_kept_is_where_the_question_lies(world: World):
    node = await asker(world, WordEncoder(), settings=KEEPS)
    asked = task(question(random.Random(5), "cook"))
    await listen(node, asked)
    node.parts.teacher.judge(asked.id, "", 1.0)
    (entry,) = [one async for one in node.parts.store.export()]
    assert entry.embedding == packed(direction(asked.request.prompt))


async def test_unless_an_owner_wants_it_kept_it_is_known_in_this_life_only(world: World):
    node, rng = await asker(world, WordEncoder()), random.Random(2)
    await share(node, rng, 30)
    assert {one.embedding async for one in node.parts.store.export()} == {None}
    assert await share(node, rng) >= 0.9


async def test_a_new_life_without_it_knows_the_kinds_and_learns_the_rest_again(world: World):
    first, rng = await asker(world, WordEncoder()), random.Random(3)
    await share(first, rng, 30)
    second = await reborn(world, first)
    asked = task(question(rng, "cook"))
    told = await second.parts.teacher.explain(asked)
    assert sum(one.asked for one in told.considered) > 10.0
    assert await seen_by(second, asked) == 0.0
    await share(second, rng, 30)
    assert await share(second, rng) >= 0.9


async def test_what_must_not_be_kept_is_not_learnt_by_place(world: World):
    node = await asker(world, WordEncoder())
    asked = msgspec.structs.replace(
        task("What is 2 plus 2?"), is_kept=False, expected="The cook says so."
    )
    await listen(node, asked)
    assert [one async for one in node.parts.store.export()] == []
    told = await node.parts.teacher.explain(task("What is 2 plus 2?"))
    assert [one.seen for one in told.considered] == [(), ()]


async def seen_by(node, asked) -> float:
    """Return what witnesses saw of all models on questions like this one."""
    told = await node.parts.teacher.explain(asked)
    return sum(seen.asked for one in told.considered for seen in one.seen)


async def test_what_is_deleted_is_forgotten_at_once(world: World):
    node, rng = await asker(world, WordEncoder()), random.Random(6)
    await share(node, rng, 10)
    asked = task(question(rng, "cook"))
    assert await seen_by(node, asked) > 2.0
    await node.parts.teacher.forget()
    asked = task(question(rng, "cook"))
    assert await seen_by(node, asked) == 0.0


async def test_it_says_so(world: World):
    node, rng = await asker(world, WordEncoder()), random.Random(7)
    for _ in range(12):
        await ask(node, "cook", rng)
    told = await node.parts.teacher.explain(task(question(rng, "cook")))
    first = told.considered[0]
    assert first.model == "cook"
    assert "near this question" in first.because
    assert [seen.right for seen in first.seen] == pytest.approx([seen.asked for seen in first.seen])
    assert first.because.startswith("1.00 right on ")


async def test_a_task_is_embedded_once_and_only_for_a_choice(world: World):
    encoder = WordEncoder()
    node = await asker(world, encoder)
    asked = task("bread")
    await node.parts.teacher.explain(asked)
    await listen(node, asked)
    assert encoder.encoded == ["bread"]
    await listen(node, task("mast", "cook"))
    await listen(node, task("", "auto"))
    with pytest.raises(Exception, match="None of 2"):
        await listen(node, task(Infer(())))
    assert encoder.encoded == ["bread"]


@pytest.mark.parametrize("trouble", [{"takes_s": 10.0}, {"fails": True}])
async def test_who_is_late_or_fails_is_left_out_and_rests(world: World, trouble):
    encoder = WordEncoder(**trouble)
    node = await asker(world, encoder)
    began = virtual_clock()
    for _ in range(3):
        assert (await listen(node, task("bread"))).text
    assert virtual_clock() - began < 1.0
    assert encoder.encoded == ["bread"]


async def test_it_never_takes_more_than_the_task_has(world: World):
    node = await asker(world, WordEncoder(takes_s=10.0))
    began = virtual_clock()
    with pytest.raises(Exception, match="deadline"):
        await listen(node, task("bread", within_s=0.01))
    assert virtual_clock() - began < 0.02


async def test_it_is_closed_with_the_node(tmp_path):
    encoder, late = WordEncoder(), WordEncoder()
    async with AsyncExitStack() as stack:
        node = await asker(World(stack, tmp_path), encoder)
    assert encoder.is_closed
    node.parts.reader.use(late)
    assert late.is_closed
