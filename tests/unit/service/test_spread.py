"""Latency as a distribution."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.spread import UNKNOWN, Spread

times = st.floats(1e-6, 1e6)


def after(ratios: list[float]) -> Spread:
    spread = UNKNOWN
    for ratio in ratios:
        spread = spread.after(2.0 * ratio, 2.0)
    return spread


def test_quantiles_of_log_normal_times_are_found() -> None:
    rng = random.Random(1)
    latency = after([rng.lognormvariate(0.0, 0.5) for _ in range(500)]).latency(2.0)
    assert latency.p50 == pytest.approx(2.0, rel=0.25)
    assert latency.p95 == pytest.approx(2.0 * math.exp(0.5 * 1.645), rel=0.3)


def test_the_share_of_answers_beyond_the_95th_percentile_is_small_whatever_the_shape() -> None:
    rng = random.Random(2)
    shapes = {
        "even": lambda: rng.uniform(0.5, 1.5),
        "exponential": lambda: rng.expovariate(1.0) + 1e-3,
        "stragglers": lambda: 10.0 if rng.random() < 0.02 else 1.0,
    }
    for name, draw in shapes.items():
        spread, late = UNKNOWN, 0
        for _ in range(2000):
            ratio = draw()
            late += ratio > spread.quantile(1.0, 0.95)
            spread = spread.after(ratio, 1.0)
        assert late / 2000 < 0.08, name


def test_what_was_never_timed_may_take_half_as_long_again() -> None:
    assert UNKNOWN.latency(1.0) == pytest.approx((1.0, 1.64), rel=0.01)


def test_the_past_is_forgotten() -> None:
    spread = after([1.0] * 100 + [3.0] * 100)
    assert spread.latency(1.0).p50 == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("took_s", [0.0, -1.0, math.nan, math.inf])
def test_times_that_cannot_be_teach_nothing(took_s: float) -> None:
    assert UNKNOWN.after(took_s, 1.0) is UNKNOWN


@pytest.mark.parametrize("expected_s", [None, 0.0, -1.0, math.nan, math.inf])
def test_without_an_expectation_nothing_is_learnt(expected_s: float | None) -> None:
    assert UNKNOWN.after(1.0, expected_s) is UNKNOWN


@given(st.lists(st.tuples(times, times), max_size=50), times)
def test_the_tail_is_never_shorter_than_the_middle(
    answers: list[tuple[float, float]], expected_s: float
) -> None:
    spread = UNKNOWN
    for took_s, expected in answers:
        spread = spread.after(took_s, expected)
    latency = spread.latency(expected_s)
    assert 0 < latency.p50 <= latency.p95 < math.inf
