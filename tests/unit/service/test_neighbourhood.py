"""What verdicts near a question say of models, and what cannot come in."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.standing import Tally
from modelnet.service.neighbourhood import SIZE, Neighbourhood, Verdict, packed
from modelnet.service.standing import HALF_LIFE_S

NOW = 1_000_000.0
A, B = (NodeId("n"), "a"), (NodeId("n"), "b")


def towards(*axes: int) -> np.ndarray:
    made = np.zeros(SIZE, np.float32)
    made[list(axes)] = 1.0
    return made / np.linalg.norm(made)


EAST, NORTH, NORTH_EAST = towards(0), towards(1), towards(0, 1)


def verdict(key=A, where=EAST, right: float = 1.0, **changes) -> Verdict:
    told = {"embedding": packed(where), "p_right": right, "weight": 1.0, "at": NOW, **changes}
    return Verdict(key=key, **told)


def near(known: Neighbourhood, where=EAST, key=A, now: float = NOW) -> Tally:
    return known.near(where, [key], now)[0]


def filled(*verdicts: Verdict, **limits) -> Neighbourhood:
    made = Neighbourhood(**limits)
    for one in verdicts:
        made.add(one)
    return made


def test_the_same_question_counts_in_full():
    tally = near(filled(verdict(), verdict(right=0.0), verdict(right=0.5)))
    assert (tally.right, tally.asked) == pytest.approx((1.5, 3.0), rel=1e-3)


def test_the_nearer_the_more_and_what_is_far_not_at_all():
    known = filled(verdict())
    counts = [near(known, towards(*range(axes))).asked for axes in (1, 4, 9, 16, 36)]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] > 0.5 > counts[3] > 0.0
    assert near(known, towards(*range(64))) == near(known, NORTH) == Tally()


def test_each_model_has_its_own():
    known = filled(verdict(A, EAST), verdict(B, EAST, 0.0), verdict(B, NORTH, 1.0))
    told = known.near(EAST, [B, A, (NodeId("m"), "a")], NOW)
    assert [(round(t.right), round(t.asked)) for t in told] == [(0, 1), (1, 1), (0, 0)]
    assert near(known, NORTH, B).right == pytest.approx(1.0, rel=1e-3)


def test_it_fades():
    known = filled(verdict(at=NOW - HALF_LIFE_S))
    assert near(known).asked == pytest.approx(0.5, rel=1e-3)
    assert near(known, now=NOW - 2 * HALF_LIFE_S).asked == pytest.approx(1.0, rel=1e-3)


def test_the_oldest_go_first():
    known = filled(*(verdict(at=NOW - HALF_LIFE_S * (n < 3)) for n in range(8)), capacity=5)
    assert len(known) == 5
    assert near(known).asked == pytest.approx(5.0, rel=1e-3)


def test_who_is_asked_most_does_not_push_out_the_others():
    known = filled(verdict(B), *(verdict(A) for _ in range(9)), capacity=100, of_one_model=4)
    assert near(known).asked == pytest.approx(4.0, rel=1e-3)
    assert near(known, key=B).asked == pytest.approx(1.0, rel=1e-3)
    known.add(verdict(A, right=0.0))
    assert near(known).right == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"embedding": b""},
        {"embedding": packed(EAST)[:-2]},
        {"embedding": packed(EAST) * 2},
        {"embedding": bytes(2 * SIZE)},
        {"embedding": packed(EAST * math.nan)},
        {"embedding": packed(EAST + np.float32(math.inf))},
        {"p_right": math.nan},
        {"p_right": 1.5},
        {"p_right": -0.1},
        {"weight": math.nan},
        {"weight": 0.0},
        {"weight": 1e9},
        {"at": math.inf},
        {"at": math.nan},
    ],
)
def test_nonsense_does_not_come_in(changes):
    known = filled(verdict(B), verdict(**changes))
    assert known.near(EAST, [A, B], NOW)[0] == Tally()
    assert len(known) == 1
    assert near(known, key=B).asked == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    "where", [EAST * np.float32(math.nan), EAST * 0, EAST[:-1], EAST[None], np.full(SIZE, np.inf)]
)
def test_a_question_that_is_nowhere_is_near_nothing(where):
    assert near(filled(verdict()), where) == Tally()


def test_a_model_that_changed():
    known = filled(*(verdict() for _ in range(6)))
    near(known)
    known.add(verdict(right=0.0))
    known.add(verdict(B))
    known.add(verdict(right=0.0))
    known.discount(A, answers=2.0, kept=0.25)
    tally = near(known)
    assert (tally.right, tally.asked) == pytest.approx((1.5, 3.5), rel=1e-3)
    known.discount(A, answers=3.0, kept=0.0)
    assert near(known).asked == pytest.approx(2.25, rel=1e-3)
    assert near(known, key=B).asked == pytest.approx(1.0, rel=1e-3)


def test_forgetting():
    first, second = RequestId("1"), RequestId("2")
    known = filled(verdict(task=first, at=NOW - 10.0), verdict(B, task=first))
    near(known)
    known.add(verdict(task=second))
    known.add(verdict(B, task=first))
    known.forget(task=first, before=NOW)
    assert len(known) == 3
    known.forget(task=first)
    assert near(known, key=B) == Tally()
    assert near(known).asked == pytest.approx(1.0, rel=1e-3)
    known.forget()
    assert len(known) == 0
    assert near(known) == Tally()
    known.add(verdict(B))
    assert near(known, key=B).asked == pytest.approx(1.0, rel=1e-3)


def test_learning_and_forgetting_need_no_numpy():
    code = """
import sys
from modelnet.service.neighbourhood import Neighbourhood, Verdict
known = Neighbourhood()
known.add(Verdict(("n", "a"), bytes(768), 1.0, 1.0, 0.0))
known.discount(("n", "a"), 0.0, 0.5)
known.forget(before=1.0)
print(len(known), "numpy" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "False"]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 3), st.floats(0.0, 1.0), st.booleans()),
        max_size=40,
    ),
    capacity=st.integers(1, 12),
    of_one_model=st.integers(1, 6),
)
def test_it_remembers_what_a_plain_list_would(steps, capacity, of_one_model):
    """Whatever comes, and whenever it is looked at: the newest, so many in all and of one model."""
    known = Neighbourhood(capacity, of_one_model)
    plain: list[Verdict] = []
    keys = [(NodeId("n"), str(number)) for number in range(5)]
    for number, axis, right, is_looked_at in steps:
        one = verdict(keys[number], towards(axis), right)
        known.add(one)
        near(known)
        own = [other for other in plain if other.key == one.key]
        if len(own) == of_one_model:
            plain.remove(own[0])
        elif len(plain) == capacity:
            del plain[0]
        plain.append(one)
        if is_looked_at:
            assert len(known) == len(plain)
    for axis in range(4):
        for key, told in zip(keys, known.near(towards(axis), keys, NOW), strict=True):
            mine = [v for v in plain if v.key == key and v.embedding == packed(towards(axis))]
            assert told.asked == pytest.approx(len(mine), abs=0.01)
            assert told.right == pytest.approx(sum(v.p_right for v in mine), abs=0.01)
            assert 0.0 <= told.right <= told.asked + 1e-9


def test_order_of_models_does_not_matter():
    rng = random.Random(3)
    keys = [(NodeId("n"), str(number)) for number in range(30)]
    known = filled(*(verdict(rng.choice(keys), EAST, rng.random()) for _ in range(300)))
    straight = dict(zip(keys, known.near(EAST, keys, NOW), strict=True))
    shuffled = rng.sample(keys, len(keys))
    assert dict(zip(shuffled, known.near(EAST, shuffled, NOW), strict=True)) == straight
