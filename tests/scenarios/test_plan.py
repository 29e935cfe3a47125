"""`auto` on virtual time: a pathway where it surely pays, one model where it would do harm."""

import random
from statistics import fmean

import pytest

from modelnet.application.node import Node
from modelnet.resource.backend.scripted import ScriptedModel
from modelnet.service.explanation import Explanation
from modelnet.service.skill import draw
from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

CHEAP, DEAR = 10.0, 4000.0
"""Dollars for a million tokens."""

Asked = list[tuple[str, str]]
"""Questions, and the answers that are right."""


def sums(count: int, seed: int = 1) -> Asked:
    """Questions that a program can check."""
    rng = random.Random(seed)
    pairs = [(rng.randrange(10, 99), rng.randrange(10, 99)) for _ in range(count)]
    return [(f"What is {a} + {b}?", str(a + b)) for a, b in pairs]


def facts(count: int, seed: int = 1) -> Asked:
    """Questions whose answers can be compared, but not checked."""
    rng = random.Random(seed)
    drawn = [draw("facts", rng, "train") for _ in range(count)]
    return [(question.prompt, question.answer) for question in drawn]


class Clerk:
    """A model that knows the answers, and errs on some: always on the same ones."""

    def __init__(self, name: str, p: float, price: float, asked: Asked, **about: object) -> None:
        self.p = p
        self.errs_as = name
        """Who errs as the same one gives the same wrong answers."""
        self.right = dict(asked)
        self.model: ScriptedModel = member(name, self.answer, price=price, **about)

    def answer(self, prompt: str) -> str:
        if random.Random(f"{self.errs_as} {prompt}").random() < self.p:
            return self.right[prompt]
        return f"{len(self.errs_as)}{len(prompt)}"

    @property
    def cost_usd(self) -> float:
        """What its answers cost, of about ten tokens each."""
        return len(self.model.requests) * 10 * self.model.card.price.input_per_mtok / 1e6


async def examined(world: World, *clerks: Clerk, **p_right: float) -> Node:
    """An asker that knows how often each is right, unless something else is said."""
    known = {one.model.card.name: one.p for one in clerks} | p_right
    return await committee(world, *(one.model for one in clerks), p_right=known)


async def ask(node: Node, question: tuple[str, str], name: str, *, judged: bool = False) -> bool:
    """Tell whether an answer was right; the asker may tell the network, too."""
    asked = task(question[0], name)
    heard = await listen(node, asked)
    is_right = heard.text == question[1]
    if judged:
        node.parts.teacher.judge(asked.id, "", float(is_right))
    return is_right


async def share(node: Node, asked: Asked, name: str = "auto", *, judged: bool = False) -> float:
    """Return how often answers were right."""
    return fmean([await ask(node, question, name, judged=judged) for question in asked])


async def planned(node: Node, question: str, name: str = "auto") -> Explanation:
    explanation = await node.parts.teacher.explain(task(question, name))
    assert explanation is not None
    return explanation


async def test_a_cascade_costs_less_and_is_as_often_right(world: World):
    asked = sums(100)
    small, large = Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, DEAR, asked)
    asker = await examined(world, small, large)
    alone = await share(asker, asked, "large")
    alone_usd = large.cost_usd
    large.model.requests.clear()
    assert await share(asker, asked) >= alone
    assert small.cost_usd + large.cost_usd < 0.4 * alone_usd
    assert len(small.model.requests) == len(asked)


async def test_it_says_so(world: World):
    asked = sums(1)
    asker = await examined(
        world, Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, DEAR, asked)
    )
    told = await planned(asker, asked[0][0])
    assert told.strategy == "cascade"
    assert [one.strategy for one in told.pathways] == ["single", "cascade", "race"]
    assert told.because.startswith("Cascade: worth ")
    heard = await listen(asker, task(asked[0][0]))
    assert heard.contributions[0].because.startswith("cascade: worth ")
    ended = told.ended(heard.contributions)
    assert "would be asked alone" in ended.because


@pytest.mark.parametrize("name", ["large", "small", "large@of-large"])
async def test_who_asks_for_a_model_gets_that_model(world: World, name: str):
    asked = sums(5)
    small, large = Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, DEAR, asked)
    asker = await examined(world, small, large)
    await share(asker, asked, name)
    others = small if name != "small" else large
    assert others.model.requests == []


async def test_where_answers_cannot_be_told_apart_one_model_answers(world: World):
    asked = [
        (f"Write a long letter to my aunt about flower number {n}, please.", "") for n in range(9)
    ]
    small, large = Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, 100.0, asked)
    asker = await examined(world, small, large)
    assert (await planned(asker, asked[0][0])).strategy == "single"
    await share(asker, asked)
    assert small.model.requests == []


async def test_who_was_never_measured_promises_nothing(world: World):
    asked = sums(9)
    small, large = Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, DEAR, asked)
    asker = await committee(world, small.model, large.model, p_right={"large": 0.97})
    told = await planned(asker, asked[0][0])
    assert told.strategy == "single"
    hoped = next(one for one in told.pathways if one.strategy == "cascade")
    assert hoped.gain > 0.0 > (hoped.least_gain or 0.0)


async def test_an_answer_that_was_picked_says_nothing_of_its_model(world: World):
    """Small is told only where a program proves it right, large only what small cannot do."""
    asked = sums(100)
    small, large = Clerk("small", 0.8, CHEAP, asked), Clerk("large", 0.97, DEAR, asked)
    asker = await examined(world, small, large)
    await share(asker, asked, judged=True)
    told = await planned(asker, asked[0][0])
    p_right = {one.model: one.p_right for one in told.considered}
    assert 0.65 < p_right["small"] < 0.9
    assert p_right["large"] > 0.9


async def test_the_gate_opens_with_what_is_seen_and_closes_when_the_world_turns(world: World):
    asked = facts(300)
    one, two = Clerk("one", 0.8, CHEAP, asked), Clerk("second", 0.84, 2 * CHEAP, asked)
    best = Clerk("best", 0.98, 2000.0, asked)
    asker = await examined(world, one, two, best)
    assert (await planned(asker, asked[0][0])).strategy == "single"
    assert await share(asker, asked[:100], "cascade", judged=True) > 0.95
    assert (await planned(asker, asked[0][0])).strategy == "cascade"
    # Now they copy from one another, mistakes and all.
    one.errs_as = two.errs_as = "both"
    one.p = two.p = 0.5
    await share(asker, asked[100:130], judged=True)
    assert (await planned(asker, asked[0][0])).strategy == "single"
    one.model.requests.clear()
    assert await share(asker, asked[200:], judged=True) >= 0.85
    assert len(one.model.requests) <= 10
