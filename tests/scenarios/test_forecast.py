"""Forecasts: what is hard for all is learnt from all, and a world that turns is noticed."""

import random
from statistics import fmean

import anyio
import pytest

from modelnet.application.node import Node
from modelnet.interaction.forecaster import LOOK_S
from modelnet.service.forecast import Fitted
from tests.scenarios.conftest import World, listen, task
from tests.scenarios.test_neighbourhood import model, question
from tests.scenarios.topic import WordEncoder

pytestmark = pytest.mark.anyio

NAMES = [f"model {letter}" for letter in "abcdefgh"]
P_RIGHT = {"cook": 0.95, "sailor": 0.15}
"""Of all models alike: one topic is hard."""


async def network(world: World) -> Node:
    """Return a node that knows two replicas of each model."""
    for place in range(2):
        await world.node(f"host {place}", *map(model, NAMES))
    node = await world.node("asker")
    node.parts.reader.use(WordEncoder())
    await world.offers(node, 2 * len(NAMES))
    return node


async def fit_after(
    node: Node, rng: random.Random, count: int, *, turned: bool = False
) -> Fitted | None:
    """Ask some model about some topic, judge the answer, and return the fit to all of it."""
    for _ in range(count):
        topic = rng.choice([*P_RIGHT])
        asked = task(question(rng, topic), rng.choice(NAMES))
        await listen(node, asked)
        is_right = (rng.random() < P_RIGHT[topic]) != turned
        node.parts.teacher.judge(asked.id, "", float(is_right))
    await anyio.sleep(LOOK_S + 1.0)
    return node.parts.forecaster.forecast.fitted


async def forecast_of(node: Node, rng: random.Random, topic: str) -> list[float]:
    """Return what is forecast of all models on a question, where something is."""
    told = await node.parts.teacher.explain(task(question(rng, topic)))
    assert told is not None
    seen = [view for one in told.considered for view in one.seen if "forecast" in view.what]
    return [view.right / view.asked for view in seen]


async def test_what_is_hard_for_some_is_expected_to_be_hard_for_all(world: World):
    node, rng = await network(world), random.Random(1)
    fitted = await fit_after(node, rng, 192)
    assert fitted is not None
    assert sorted(fitted.names) == NAMES
    assert fitted.finding.worth > 0.0
    easy = await forecast_of(node, rng, "cook")
    hard = await forecast_of(node, rng, "sailor")
    assert len(easy) == len(hard) == 2 * len(NAMES)
    assert fmean(easy) > fmean(hard) + 0.4


async def test_when_the_world_turns_it_is_heard_less(world: World):
    node, rng = await network(world), random.Random(2)
    before = await fit_after(node, rng, 192)
    assert before is not None
    assert before.finding.sure > 0.0
    turned = await fit_after(node, rng, 128, turned=True)
    assert turned is not None
    assert turned.finding.sure < before.finding.sure / 2


async def test_what_is_deleted_is_forecast_no_more(world: World):
    node, rng = await network(world), random.Random(1)
    assert await fit_after(node, rng, 192) is not None
    await node.parts.teacher.forget()
    assert node.parts.forecaster.forecast.fitted is None
    assert await forecast_of(node, rng, "cook") == []


async def test_a_few_verdicts_are_not_fitted(world: World):
    node, rng = await network(world), random.Random(3)
    assert await fit_after(node, rng, 20) is None
