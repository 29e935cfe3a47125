"""The routers that the network's own is compared with."""

import random

import pytest

from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.resource.backend.scripted import scripted_card
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import OTHER, TaskKind
from modelnet.testbed.bench.load.rival import RIVALS, Rival, least_outstanding, round_robin

CHAT = TaskFeatures(kind=TaskKind.certain(OTHER))


def offer(node: str, running: int = 0, waiting: int = 0) -> Offer:
    load = ModelLoad(running, waiting, 2)
    return Offer(node=NodeId(node), card=scripted_card(), load=load)


def order(router: Rival, *offers: Offer, seed: int = 0) -> list[str]:
    ranked = router.rank(CHAT, offers, now=0.0, rng=random.Random(seed))
    return [scored.candidate.node for scored in ranked]


@pytest.mark.parametrize("make", RIVALS.values(), ids=RIVALS)
def test_everyone_able_is_ranked_once(make):
    nodes = ["a", "b", "c", "d"]
    assert sorted(order(make(), *map(offer, nodes))) == nodes


@pytest.mark.parametrize("make", RIVALS.values(), ids=RIVALS)
def test_nobody_and_one_alone_can_be_ranked(make):
    assert order(make()) == []
    assert order(make(), offer("a")) == ["a"]


def test_round_robin_asks_one_after_another():
    router, offers = round_robin(), [offer("b"), offer("a"), offer("c")]
    assert [order(router, *offers)[0] for _ in range(4)] == ["b", "c", "a", "b"]


def test_least_outstanding_asks_whoever_has_the_fewest():
    busy = [offer("a", 2, 1), offer("b", 1), offer("c", 2)]
    assert order(least_outstanding(), *busy) == ["b", "c", "a"]


def test_least_outstanding_prefers_nobody_among_equals():
    equals = [offer("a"), offer("b")]
    assert {order(least_outstanding(), *equals, seed=s)[0] for s in range(20)} == {"a", "b"}


def test_of_two_choices_the_busiest_of_all_is_never_first():
    offers = [offer("a", 2, 9), offer("b"), offer("c", 1)]
    firsts = {order(RIVALS["two choices"](), *offers, seed=s)[0] for s in range(50)}
    assert firsts == {"b", "c"}
