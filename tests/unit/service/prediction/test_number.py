"""The few functions of arrays that all of the predictors rest on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.prediction.number import (
    P_LEAST,
    log_odds,
    logistic,
    ridge,
    sigmoid,
    softmax,
    with_constant,
)


@given(st.floats(P_LEAST, 1.0 - P_LEAST))
def test_log_odds_and_sigmoid_are_each_others_inverse(p):
    assert sigmoid(log_odds(np.array([p])))[0] == pytest.approx(p, rel=1e-9)


@given(st.floats(allow_nan=False))
def test_sigmoid_of_anything_is_a_probability(x):
    assert 0.0 < sigmoid(np.array([x]))[0] < 1.0


def test_nobody_is_surer_than_the_bound():
    odds = log_odds(np.array([0.0, 1.0]))
    assert odds == pytest.approx(np.log(P_LEAST / (1 - P_LEAST)) * np.array([1, -1]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(-1e3, 1e3))
def test_softmax_sums_to_one_and_ignores_a_shift(x, shift):
    p = softmax(np.array([x]))
    assert p.sum() == pytest.approx(1.0)
    assert p == pytest.approx(softmax(np.array([x]) + shift), abs=1e-6)


def test_ridge_finds_the_weights_of_exact_data_and_shrinks_with_the_penalty():
    x = np.random.default_rng(0).normal(size=(50, 3))
    truth = np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])
    assert ridge(x, x @ truth, np.full(3, 1e-9)) == pytest.approx(truth, abs=1e-6)
    shrunk = ridge(x, x @ truth, np.full(3, 1e9))
    assert np.abs(shrunk).max() < 1e-4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("penalty", [0.05, 1.0, 30.0])
def test_the_slope_is_nothing_at_the_logistic_weights(seed, scale, penalty):
    rng = np.random.default_rng(seed)
    x = with_constant(scale * rng.normal(size=(80, 4)))
    y = rng.random(80)
    prior = rng.normal(size=5)
    penalties = np.full(5, penalty)
    weights = logistic(x, y, penalties, prior, steps=100)
    slope = x.T @ (sigmoid(x @ weights) - y) + penalties * (weights - prior)
    assert np.abs(slope).max() < 1e-4 * (1.0 + scale)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_one_class_alone_gives_finite_weights_on_its_side(right):
    x = with_constant(np.random.default_rng(1).normal(size=(40, 3)))
    weights = logistic(x, np.full(40, right), np.full(4, 1.0), np.zeros(4))
    assert np.isfinite(weights).all()
    assert (sigmoid(x @ weights) > 0.5).all() == bool(right)


def test_classes_that_can_be_told_apart_wholly_do_not_run_away():
    x = with_constant(np.linspace(-50.0, 50.0, 30)[:, None])
    weights = logistic(x, (x[:, 1] > 0).astype(float), np.full(2, 0.05), np.zeros(2))
    assert np.isfinite(weights).all()
    assert ((sigmoid(x @ weights) > 0.5) == (x[:, 1] > 0)).all()


def test_without_data_the_prior_stands():
    prior = np.array([0.3, -0.2])
    assert logistic(np.zeros((0, 2)), np.zeros(0), np.ones(2), prior) == pytest.approx(prior)
