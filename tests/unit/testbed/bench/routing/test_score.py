"""What a way of answering is worth, held against what can be worked out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.routing.score import (
    Answered,
    apgr,
    choice,
    frontier,
    hull,
    hull_area,
    interval,
    point,
)

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12)


def rng():
    return np.random.default_rng(0)


def answered(right, cost, latency_s=None):
    latency = None if latency_s is None else np.array(latency_s, dtype=float)
    return Answered(np.array(right, dtype=float), np.array(cost, dtype=float), latency)


def test_a_point_says_what_is_gained_and_what_is_spent():
    ours = answered([1, 1, 1, 0], [1, 1, 2, 0], [1, 1, 1, 3])
    best = answered([1, 0, 1, 0], [2, 2, 2, 2], [1, 1, 1, 1])
    seen = point(ours, best, rng())
    assert (seen.accuracy, seen.cost, seen.latency_s) == (75.0, 1000.0, 1.5)
    assert (seen.delta, seen.cost_change, seen.latency_change) == (25.0, -0.5, 0.5)
    assert seen.ci95[0] <= seen.delta <= seen.ci95[1]


def test_times_are_told_only_where_both_have_them():
    timed, untimed = answered([1], [1], [2]), answered([1], [1])
    assert point(timed, untimed, rng()).latency_change is None
    assert point(untimed, timed, rng()).latency_s is None


@pytest.mark.parametrize(("ours", "change"), [(0.0, 0.0), (1.0, math.inf)])
def test_beside_a_best_that_costs_nothing(ours, change):
    assert point(answered([1], [ours]), answered([1], [0]), rng()).cost_change == change


def test_the_interval_is_that_of_the_mean_and_pairs_count():
    values = np.random.default_rng(1).normal(2.0, 1.0, 400)
    low, high = interval(values, rng())
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.015)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.015)
    right = np.random.default_rng(2).integers(0, 2, 50).astype(float)
    assert point(answered(right, right), answered(right, right + 1), rng()).ci95 == (0.0, 0.0)
    assert interval(np.array([3.0]), rng()) == (3.0, 3.0)


@given(POINTS)
def test_the_hull_is_above_all_points_rises_and_is_concave(points):
    corners = hull(points)
    costs, qualities = zip(*corners, strict=True)
    assert set(corners) <= set(points)
    assert list(costs) == sorted(set(costs))
    assert list(qualities) == sorted(set(qualities))
    slopes = np.diff(qualities) / np.diff(costs)
    assert (np.diff(slopes) < 1e-9).all()
    for cost, quality in points:
        assert quality <= np.interp(cost, costs, qualities) + 1e-9


@given(POINTS, st.randoms(use_true_random=False))
def test_the_hull_does_not_ask_for_an_order(points, random):
    shuffled = list(points)
    random.shuffle(shuffled)
    assert hull(points) == hull(shuffled)


def test_of_points_that_cost_the_same_the_best_counts():
    assert hull([(0.0, 0.2), (0.0, 0.6), (1.0, 0.6)]) == [(0.0, 0.6)]
    assert hull_area([(1.0, 0.2), (1.0, 0.6)], 0.0, 2.0) == pytest.approx(0.6)


def test_the_area_is_the_mean_height():
    assert hull_area([(0.0, 0.0), (2.0, 1.0)], 0.0, 2.0) == pytest.approx(0.5)
    assert hull_area([(0.0, 0.0), (2.0, 1.0)], 0.0, 4.0) == pytest.approx(0.75, abs=1e-3)
    assert hull_area([(0.0, 0.0), (1.0, 0.1), (2.0, 1.0)], 0.0, 2.0) == pytest.approx(0.5)


def verdicts(n=400):
    draw = rng()
    return (draw.random(n) < 0.4).astype(float), (draw.random(n) < 0.8).astype(float)


def test_a_lot_recovers_half_of_the_gap():
    weak, strong = verdicts()
    scores = [apgr(weak, strong, np.random.default_rng(s).random(400)) for s in range(40)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.02)


@given(st.integers(0, 10**6))
def test_no_order_recovers_more_than_the_perfect_one(seed):
    weak, strong = verdicts(60)
    drawn = np.random.default_rng(seed).random(60)
    best, worst = apgr(weak, strong, strong - weak), apgr(weak, strong, weak - strong)
    assert worst <= apgr(weak, strong, drawn) <= best
    assert best > 0.5 > worst


def test_apgr_of_few_queries_is_worked_out_by_hand():
    weak, strong = np.array([0.0, 1.0]), np.array([1.0, 1.0])
    assert apgr(weak, strong, np.array([1.0, 0.0])) == pytest.approx(0.75)
    assert apgr(weak, strong, np.array([0.0, 1.0])) == pytest.approx(0.25)
    assert apgr(np.zeros(1), np.ones(1), np.zeros(1)) == pytest.approx(0.5)


@pytest.mark.parametrize("strong", [[0.0, 0.0], [1.0, 0.0]])
def test_without_a_gap_there_is_nothing_to_recover(strong):
    with pytest.raises(InvalidRequestError, match="strong model"):
        apgr(np.array([1.0, 0.0]), np.array(strong), np.zeros(2))


def test_a_choice_takes_each_query_from_one_model():
    right, cost = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    chosen = choice(right, cost, cost * 10, np.array([1, 0]))
    assert [part.tolist() for part in chosen] == [[0.0, 0.0], [2.0, 3.0], [20.0, 30.0]]
    assert choice(right, cost, None, np.array([0, 0])).latency_s is None
    assert frontier([chosen]) == [(2.5, 0.0)]
