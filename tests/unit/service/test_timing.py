"""How fast an answer came, by the clock of whoever asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.timing import Stopwatch, Timing


def timed(*notes: tuple[float, int], ended: float) -> Timing:
    watch = Stopwatch(100.0)
    for at, tokens in notes:
        watch.note(tokens, at)
    return watch.timing(ended)


def test_first_token_and_rate() -> None:
    seen = timed((100.5, 1), (101.5, 11), (102.5, 21), ended=103.0)
    assert seen == Timing(3.0, 0.5, 10.0)


def test_the_rate_does_not_count_the_first_piece_nor_the_end() -> None:
    assert timed((101.0, 50), (102.0, 58), ended=110.0) == Timing(10.0, 1.0, 8.0)


@pytest.mark.parametrize(
    "notes",
    [
        [(101.0, 20)],
        [(101.0, 20), (101.0, 40)],
        [(101.0, 1), (102.0, 4)],
        [(101.0, 20), (102.0, 20)],
    ],
)
def test_of_a_burst_or_a_word_no_rate_is_told(notes) -> None:
    assert timed(*notes, ended=103.0) == Timing(3.0, 1.0, None)


def test_an_answer_without_tokens_begins_as_it_ends() -> None:
    assert timed((101.0, 0), ended=102.0) == Timing(2.0, 2.0, None)


def test_the_wait_in_a_queue_came_before_the_first_token() -> None:
    assert Timing(3.0, 2.5, 10.0).without_wait(2.0) == Timing(1.0, 0.5, 10.0)
    assert Timing(3.0, 0.5, 10.0).without_wait(2.0) == Timing(1.0, 0.0, 10.0)
    assert Timing(3.0, 0.5, 10.0).without_wait(0.0) == Timing(3.0, 0.5, 10.0)


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(-5, 50)), max_size=20))
def test_no_answer_is_faster_than_it_was(steps) -> None:
    now, tokens = 100.0, 0
    watch = Stopwatch(now)
    for pause_s, count in steps:
        now, tokens = now + pause_s, tokens + count
        watch.note(tokens, now)
    seen = watch.timing(now)
    assert 0.0 <= seen.first_token_s <= seen.latency_s == now - 100.0
    assert seen.tokens_per_s is None or seen.tokens_per_s > 0.0
