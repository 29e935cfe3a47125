"""When a model is late, who may be asked as well, and how often."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Price
from modelnet.core.load import ModelLoad
from modelnet.service.analysis import TaskFeatures
from modelnet.service.breaker import Breaker
from modelnet.service.kind import TaskKind
from modelnet.service.pathway.hedge import FirstChunks, HedgeBudget, rival
from modelnet.service.routing import Scored
from tests.unit.service.pathway.candidates import scored

NOW = 1000.0
ARITHMETIC = TaskKind.certain("arithmetic")


def chosen(first: Scored, *others: Scored, operation="chat", time_left_s: float = 60.0):
    features = TaskFeatures(kind=ARITHMETIC, operation=operation)
    return rival(features, [first, *others], time_left_s=time_left_s, now=NOW)


FIRST = scored("m", "a")
SECOND = scored("m", "b")


class TestRival:
    def test_the_next_best_is_asked_as_well(self):
        assert chosen(FIRST, SECOND, scored("m", "c")) is SECOND

    @pytest.mark.parametrize(
        "other",
        [
            scored("m", "a"),
            scored("m", "b", price=Price(1.0, 1.0)),
            scored("m", "b", is_metered=True),
            scored("m", "b", engine="python"),
            scored("m", "b", load=ModelLoad(1, 0, 1)),
            scored("m", "b", breaker=Breaker(1, NOW + 5)),
            scored("m", "b", p=0.7),
        ],
        ids=["same node", "priced", "metered", "a program", "busy", "resting", "worse"],
    )
    def test_who_may_not_be_asked_is_passed_over(self, other: Scored):
        assert chosen(FIRST, other) is None
        assert chosen(FIRST, other, SECOND) is SECOND

    def test_near_the_deadline_even_a_busy_one_is_asked(self):
        busy = scored("m", "b", load=ModelLoad(1, 0, 1))
        assert chosen(FIRST, busy, time_left_s=1.5) is busy

    def test_what_a_program_of_a_user_does_is_not_done_twice(self):
        assert chosen(scored("m", "a", engine="python"), SECOND) is None
        assert chosen(FIRST, SECOND, operation="infer") is None

    @pytest.mark.parametrize("operation", ["step", "score", "embed", "encode"])
    def test_numbers_of_another_model_are_no_answer(self, operation):
        assert chosen(FIRST, scored("other", "b"), operation=operation) is None
        assert chosen(FIRST, SECOND, operation=operation) is SECOND

    def test_nobody_is_there(self):
        assert chosen(FIRST) is None
        assert rival(TaskFeatures(kind=ARITHMETIC), [], time_left_s=1.0, now=NOW) is None


class TestFirstChunks:
    def test_too_little_was_seen(self):
        first_chunks = FirstChunks()
        for _ in range(15):
            first_chunks.note("m", 0.1)
        assert first_chunks.late_s("m") is None
        first_chunks.note("m", 0.1)
        assert first_chunks.late_s("m") == pytest.approx(0.15)
        assert first_chunks.late_s("other") is None

    @given(st.lists(st.floats(0.01, 10.0), min_size=16, max_size=600))
    def test_one_in_twenty_of_the_last_is_late_at_most(self, times: list[float]):
        first_chunks = FirstChunks()
        for took_s in times:
            first_chunks.note("m", took_s)
        late_s = first_chunks.late_s("m")
        seen = times[-256:]
        assert late_s is not None
        assert sum(took_s > late_s for took_s in seen) <= 0.05 * len(seen)

    def test_a_model_that_was_given_up_late_counts(self):
        first_chunks = FirstChunks()
        rng = random.Random(1)
        for _ in range(100):
            first_chunks.note("m", rng.uniform(0.1, 0.2))
        before = first_chunks.late_s("m")
        for _ in range(20):
            first_chunks.note_given_up("m", 0.05)
        assert first_chunks.late_s("m") == before
        for _ in range(20):
            first_chunks.note_given_up("m", 5.0)
        assert first_chunks.late_s("m") == 5.0


class TestBudget:
    @given(st.lists(st.booleans(), max_size=2000))
    def test_never_more_than_the_share_of_all_calls(self, wishes: list[bool]):
        budget = HedgeBudget()
        hedges = 0
        for calls, is_late in enumerate(wishes, start=1):
            budget.note_call()
            hedges += is_late and budget.take()
            assert hedges <= 0.05 * calls + 1e-9

    def test_what_is_saved_up_is_bounded(self):
        budget = HedgeBudget()
        for _ in range(10_000):
            budget.note_call()
        assert [budget.take() for _ in range(12)] == [True] * 10 + [False] * 2
