"""Kinds grow from verdicts, back off where they are thin, and forget what is deleted."""

import math
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.hierarchy import Hierarchy
from modelnet.service.hierarchy import tree as growing
from modelnet.service.hierarchy.place import WORDS, words_of
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.neighbourhood import SIZE, packed
from modelnet.service.outcome import Outcome
from modelnet.service.standing import HALF_LIFE_S

NOW = 1_000_000.0
KIND = TaskKind.certain(OTHER)


def offer(name: str) -> Offer:
    card = ModelCard(name=name, operations=("chat",), engine="scripted")
    return Offer(node=NodeId("n"), card=card)


BAKER, SAILOR = offer("baker"), offer("sailor")


def place(topic: int, rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    made = rng.normal(size=size) * 0.02
    made[topic] += 1.0
    return (made / np.linalg.norm(made)).astype(np.float32)


def read(where: np.ndarray | None) -> TaskFeatures:
    if where is not None and len(where) == WORDS:
        return TaskFeatures(kind=KIND, words=where)
    return TaskFeatures(kind=KIND, embedding=where)


def outcome(who: Offer, where: np.ndarray, right: float = 1.0, **told) -> Outcome:
    return Outcome(
        node=who.node,
        model=who.card.name,
        kind=KIND,
        embedding=packed(where),
        **{"at": NOW, "p_right": right, **told},
    )


def grown(count: int = 200, size: int = SIZE, **told) -> tuple[Hierarchy, np.random.Generator]:
    """Return what verdicts on two topics teach: the baker knows one, the sailor the other."""
    rng, known = np.random.default_rng(0), Hierarchy()
    known.evidence(read(place(0, rng, size)), [BAKER], NOW)
    for turn in range(count):
        topic = int(rng.integers(0, 2))
        who = (BAKER, SAILOR)[int(rng.integers(0, 2))]
        right = float((who is SAILOR) == bool(topic))
        where = place(topic, rng, size)
        known.learn(outcome(who, where, right, task=RequestId(f"task {turn}"), **told))
    return known, rng


def seen(known: Hierarchy, where: np.ndarray | None, now: float = NOW) -> list[Tally]:
    return known.evidence(read(where), [BAKER, SAILOR], now)


@pytest.mark.parametrize("size", [SIZE, WORDS])
def test_topics_on_which_models_differ_become_kinds(size):
    known, rng = grown(size=size)
    assert known.kinds(size) == 3
    for topic in (0, 1):
        baker, sailor = seen(known, place(topic, rng, size))
        assert baker.mean() == pytest.approx(1.0 - topic, abs=0.2)
        assert sailor.mean() == pytest.approx(topic, abs=0.2)


def test_until_then_nothing_is_told():
    known, rng = grown(30)
    assert known.kinds() == 1
    assert seen(known, place(0, rng)) == [Tally(), Tally()]


def test_the_same_answers_to_everything_make_no_kinds():
    rng, known = np.random.default_rng(1), Hierarchy()
    for _ in range(400):
        known.learn(outcome(BAKER, place(int(rng.integers(0, 2)), rng), float(rng.random() < 0.7)))
    assert seen(known, place(0, rng)) == [Tally(), Tally()]
    assert known.kinds() == 1


def test_vectors_of_words_and_of_meaning_have_a_tree_each():
    known, rng = grown()
    assert known.kinds(WORDS) == 1
    assert seen(known, place(0, rng, WORDS)) == [Tally(), Tally()]


def test_offered_kinds_are_taken_where_models_differ_on_them():
    rng = np.random.default_rng(2)
    centres = np.eye(5, SIZE, dtype=np.float32)
    known = Hierarchy(lambda size: centres if size == SIZE else None)
    for turn in range(100):
        known.learn(outcome(BAKER, place(turn % 5, rng), float(turn % 5 == 3)))
    told = [seen(known, place(topic, rng))[0] for topic in range(5)]
    assert known.kinds() == 1 + 5 + 1
    assert [tally.mean() > 0.5 for tally in told] == [topic == 3 for topic in range(5)]
    assert seen(known, place(9, rng)) == [Tally(), Tally()]


def test_what_is_known_of_the_parent_fills_in_and_is_worth_no_more_than_that():
    known, rng = grown(400)
    thin = offer("thin")
    for topic in (0, 1) * 30:
        known.learn(outcome(thin, place(topic, rng)))
    told = known.evidence(read(place(0, rng)), [thin], NOW)[0]
    assert 0.0 < told.asked <= 30.0 + 8.0
    assert told.right == pytest.approx(told.asked, rel=1e-6)


def test_it_fades():
    known, rng = grown()
    where = place(0, rng)
    now, later = (seen(known, where, at)[0].asked for at in (NOW, NOW + HALF_LIFE_S))
    assert later == pytest.approx(now / 2, rel=0.2)


def test_a_task_that_is_deleted_counts_no_more():
    known, rng = grown()
    where = place(0, rng)
    assert seen(known, where)[0].asked > 5.0
    for turn in range(200):
        known.forget(task=RequestId(f"task {turn}"))
    assert [tally.asked for tally in seen(known, where)] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_all_that_is_deleted_takes_the_kinds_with_it():
    known, rng = grown()
    known.forget()
    assert known.kinds() == 1
    assert seen(known, place(0, rng)) == [Tally(), Tally()]


def test_what_is_older_is_forgotten_and_what_is_newer_stays():
    known, rng = grown()
    for topic in (0, 1) * 60:
        known.learn(outcome(BAKER, place(topic, rng), float(topic == 0), at=NOW + 60.0))
    known.forget(before=NOW + 1.0)
    baker, sailor = seen(known, place(0, rng), NOW + 60.0)
    assert baker.asked > 20.0
    assert sailor == Tally()


def test_a_model_that_changed_is_known_by_its_newest_answers():
    known, rng = grown()
    for _ in range(10):
        known.learn(outcome(BAKER, place(0, rng), 0.0))
    before = seen(known, place(0, rng))
    known.doubt(Change(BAKER.node, "baker", "worse", 0.9, 0.0, 10.0, 0.0))
    baker, sailor = seen(known, place(0, rng))
    assert baker.mean(0.0, 1e-9) < 0.1 < before[0].mean(0.0, 1e-9)
    assert baker.asked == pytest.approx(10.0, abs=1e-6)
    assert sailor == before[1]


@pytest.mark.parametrize(
    "where",
    [
        np.full(SIZE, np.nan, np.float32),
        np.zeros(SIZE, np.float32),
        np.full(SIZE, np.inf, np.float32),
        np.ones(SIZE - 1, np.float32),
        np.ones((1, SIZE), np.float32),
        None,
    ],
)
def test_a_question_that_is_nowhere_is_of_no_kind(where):
    known, _ = grown()
    assert seen(known, where) == [Tally(), Tally()]


@pytest.mark.parametrize(
    "told",
    [
        {"embedding": b""},
        {"embedding": b"odd"},
        {"embedding": bytes(2 * SIZE)},
        {"embedding": packed(np.full(SIZE, np.nan))},
        {"embedding": packed(np.ones(10))},
        {"embedding": None},
        {"p_right": None},
        {"p_right": math.nan},
        {"p_right": 1.5},
        {"weight": 1e9},
        {"weight": -1.0},
        {"weight": math.nan},
        {"at": math.inf},
    ],
)
def test_nonsense_changes_nothing(told):
    known, rng = grown()
    where = place(0, rng)
    before = seen(known, where)
    for _ in range(60):
        known.learn(replace(outcome(BAKER, where, 0.0), **told))
    assert seen(known, where) == before


def test_models_beyond_what_is_counted_push_out_who_was_not_judged_for_longest(monkeypatch):
    monkeypatch.setattr(growing, "MODELS", 3)
    known, rng = grown()
    where = place(0, rng)
    for name in ("one", "two"):
        known.learn(outcome(offer(name), where))
    told = seen(known, where)
    assert sum(tally.asked > 0.0 for tally in told) == 1
    assert known.evidence(read(where), [offer("two")], NOW)[0] == Tally(1.0, 1.0)


def test_there_are_never_more_kinds_than_can_be_counted(monkeypatch):
    monkeypatch.setattr(growing, "KINDS", 5)
    rng, known = np.random.default_rng(3), Hierarchy()
    known.evidence(read(place(0, rng)), [BAKER], NOW)
    for turn in range(2000):
        topic = int(rng.integers(0, 8))
        known.learn(outcome(BAKER, place(topic, rng), float(topic % 2), at=NOW + turn))
    assert 3 <= known.kinds() <= 5
    seen(known, place(0, rng))


def test_what_comes_before_the_first_question_needs_no_numpy():
    code = """
import sys
from modelnet.service.change import Change
from modelnet.service.hierarchy import Hierarchy
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.known import Known
from modelnet.service.outcome import Outcome
known = Hierarchy()
told = Outcome(
    node="n", model="a", kind=TaskKind.certain(OTHER), at=0.0, p_right=1.0, embedding=bytes(768)
)
for one in (known, Known()):
    one.learn(told)
    one.doubt(Change("n", "a", "worse", 0.9, 0.1, 0.0, 0.5))
    one.forget(before=1.0)
print("numpy" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]


def test_what_came_before_the_first_question_counts_as_what_came_after():
    early, late = Hierarchy(), Hierarchy()
    rng = np.random.default_rng(4)
    late.evidence(read(place(0, rng)), [BAKER], NOW)
    told = [
        outcome(BAKER, place(topic, rng), float(topic), task=RequestId(str(turn)))
        for turn, topic in enumerate(rng.integers(0, 2, 160).tolist())
    ]
    for known in (early, late):
        for one in told:
            known.learn(one)
        known.forget(task=RequestId("159"))
        known.doubt(Change(BAKER.node, "baker", "worse", 0.9, 0.1, 20.0, 0.5))
    where = place(0, rng)
    assert early.kinds() == 1
    assert seen(late, where)[0].asked > 0.0
    assert seen(early, where)[0].asked > 0.0


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 300),
    topics=st.integers(1, 4),
)
def test_what_is_told_is_never_more_than_was_seen(seed, count, topics):
    rng, known = np.random.default_rng(seed), Hierarchy()
    offers = [BAKER, SAILOR]
    counts = {one.key: 0.0 for one in offers}
    for _ in range(count):
        who, topic = offers[int(rng.integers(0, 2))], int(rng.integers(0, topics))
        weight = float(rng.random()) or 1.0
        known.learn(outcome(who, place(topic, rng), float(rng.random() < 0.5), weight=weight))
        counts[who.key] += weight
    for one, tally in zip(offers, seen(known, place(0, rng)), strict=True):
        assert 0.0 <= tally.right <= tally.asked <= counts[one.key] + 1e-9


def test_words_point_the_same_way_where_texts_share_them():
    words = "bread dough oven flour yeast crust loaf knead bake rise".split()
    rng = random.Random(0)
    one, two = (words_of(" ".join(rng.sample(words, 6))) for _ in range(2))
    other = words_of("sail mast keel wind anchor rudder")
    assert one @ two > one @ other
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert one.shape == (WORDS,)
