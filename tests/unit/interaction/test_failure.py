"""Failures: whom not to ask again, and what the asker is told."""

import itertools
import math

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import (
    EngineError,
    LimitError,
    NoModelError,
    OverloadedError,
    PeerLostError,
    UnsupportedError,
)
from modelnet.core.identity import NodeId
from modelnet.interaction.failure import Failures
from modelnet.resource.directory import Offer

CARD = ModelCard(name="m", operations=("chat",), engine="scripted")
NOW = 1000.0


def offer(node: str = "a", since: float = 0.0) -> Offer:
    return Offer(node=NodeId(node), card=CARD, since=since)


def test_a_failed_offer_is_barred_until_its_node_came_back():
    failures = Failures()
    failures.add(offer(), PeerLostError("gone"), NOW)
    assert failures.bars(offer(), NOW + 1e6)
    assert not failures.bars(offer(since=1.0), NOW)
    assert not failures.bars(offer("b"), NOW)
    assert failures.has_lost_peer


def test_an_overloaded_offer_is_barred_for_the_time_it_gave():
    failures = Failures()
    failures.add(offer(), OverloadedError("busy", retry_after_s=2.0), NOW)
    assert failures.bars(offer(), NOW + 1.9)
    assert not failures.bars(offer(), NOW + 2.0)
    assert failures.next_chance(NOW) == NOW + 2.0
    assert failures.next_chance(NOW + 3) == math.inf


def test_the_first_failure_is_told():
    failures = Failures()
    failures.add(offer("a"), EngineError("first"), NOW)
    failures.add(offer("b"), PeerLostError("second"), NOW)
    failures.note(NoModelError("nobody left"))
    assert failures.verdict.message == "first"


def test_among_overloads_the_shortest_wait_is_told():
    failures = Failures()
    failures.add(offer("a"), OverloadedError("long", retry_after_s=9.0), NOW)
    failures.add(offer("b"), OverloadedError("short", retry_after_s=1.0), NOW)
    assert failures.verdict.message == "short"


def test_a_fault_in_the_request_is_told_before_an_overload():
    failures = Failures()
    failures.add(offer("a"), UnsupportedError("no images"), NOW)
    failures.add(offer("b"), OverloadedError("busy", retry_after_s=1.0), NOW)
    assert failures.verdict.message == "no images"


def test_when_nobody_could_be_asked_that_is_told():
    failures = Failures()
    failures.note(NoModelError("nobody"))
    assert failures.verdict.message == "nobody"


def test_the_explanation_begins_with_the_last_failure():
    failures = Failures()
    assert failures.explain("it is best") == "it is best"
    failures.add(offer(), PeerLostError("Node a went away."), NOW)
    assert failures.explain("it is next") == (
        "took over after peer_lost (Node a went away); it is next"
    )


def test_an_offer_that_stays_overloaded_is_asked_ever_less_often():
    failures = Failures()
    pauses = []
    for _ in range(4):
        failures.add(offer(), OverloadedError("busy", retry_after_s=0.0), NOW)
        pauses.append(failures.next_chance(NOW) - NOW)
    assert [later / sooner for sooner, later in itertools.pairwise(pauses)] == pytest.approx(
        [2] * 3
    )


def test_a_limit_that_nobody_else_keeps_to_is_told_with_the_failure():
    failures = Failures()
    failures.add(offer("a"), OverloadedError("busy.", retry_after_s=2.0), NOW)
    failures.note(LimitError("`max_cost_usd` of 1 excludes b."))
    told = failures.verdict
    assert (type(told), told.retry_after_s) == (OverloadedError, 2.0)
    assert str(told) == told.message == "busy; nobody took over: `max_cost_usd` of 1 excludes b."


def test_a_limit_alone_is_told_alone():
    failures = Failures()
    failures.note(LimitError("`max_cost_usd` of 1 excludes b."))
    failures.note(NoModelError("nobody"))
    assert isinstance(failures.verdict, LimitError)
