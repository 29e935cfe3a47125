"""Two topics that no kind tells apart: kinds grow, and each goes to the model that knows it."""

import random

import msgspec
import pytest

from modelnet.application.node import Node
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.service.kind import OTHER
from tests.scenarios.conftest import World, listen, task
from tests.scenarios.topic import WordEncoder

pytestmark = pytest.mark.anyio

COOKING = "bread dough oven flour yeast crust loaf knead bake rise".split()
SAILING = "sail mast keel wind anchor rudder deck harbour hull tack".split()
TOPICS = {"cook": COOKING, "sailor": SAILING}


def question(rng: random.Random, topic: str) -> str:
    return " ".join(("about", *rng.sample(TOPICS[topic], 6)))


async def asker(world: World, encoder: WordEncoder | None, **settings: bool) -> Node:
    models = [ScriptedModel(lambda _: "So I say.", card=scripted_card(name)) for name in TOPICS]
    node = await world.node("asker", *models, settings=settings)
    if encoder is not None:
        node.parts.reader.use(encoder)
    return node


async def ask(node: Node, topic: str, rng: random.Random) -> bool:
    """Ask about a topic, give a verdict, and tell whether who answered knows the topic."""
    asked = task(question(rng, topic))
    heard = await listen(node, asked)
    is_right = heard.models[-1] == topic
    node.parts.teacher.judge(asked.id, "", float(is_right))
    return is_right


async def share(node: Node, rng: random.Random, count: int) -> float:
    topics = [rng.choice([*TOPICS]) for _ in range(count)]
    return sum([await ask(node, topic, rng) for topic in topics]) / count


@pytest.mark.parametrize("has_encoder", [True, False])
async def test_each_is_asked_what_it_knows_with_an_encoder_or_without(world: World, has_encoder):
    node = await asker(world, WordEncoder() if has_encoder else None)
    rng = random.Random(1)
    await share(node, rng, 200)
    assert await share(node, rng, 60) >= 0.9


async def test_it_says_so(world: World):
    node, rng = await asker(world, None), random.Random(2)
    await share(node, rng, 150)
    told = await node.parts.teacher.explain(task(question(rng, "cook")))
    assert told.kind == OTHER
    assert told.considered[0].model == "cook"
    assert "on this kind of question" in told.considered[0].because


async def test_what_is_deleted_is_forgotten_at_once(world: World):
    node, rng = await asker(world, None), random.Random(3)
    await share(node, rng, 150)
    await node.parts.teacher.forget()
    told = await node.parts.teacher.explain(task(question(rng, "cook")))
    assert [one.seen for one in told.considered] == [(), ()]


async def test_a_new_life_grows_the_same_kinds_from_the_words_that_were_kept(world: World):
    first, rng = await asker(world, None, keep_embeddings=True), random.Random(4)
    await share(first, rng, 200)
    second = await asker(world, None)
    async for entry in first.parts.store.export():
        second.parts.store.add(msgspec.structs.replace(entry, node=second.id))
    assert await second.parts.teacher.recall() > 0
    topics = [*TOPICS] * 10
    heard = [await listen(second, task(question(rng, topic))) for topic in topics]
    assert sum(one.models == [topic] for one, topic in zip(heard, topics, strict=True)) >= 17
