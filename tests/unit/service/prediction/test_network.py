"""Small networks."""

import numpy as np
import pytest

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.network import Networks, Shape, _slopes, item_response
from tests.unit.service.prediction.world import log_loss, two_kinds

SMALL = Shape(hidden=16)


def bent(n, seed):
    """Return a log in which the first model is right where two features have one sign."""
    rng = np.random.default_rng(seed)
    x = np.sign(rng.normal(size=(n, 2))) + 0.1 * rng.normal(size=(n, 2))
    right = np.stack([x[:, 0] * x[:, 1] > 0, rng.random(n) < 0.5], axis=1).astype(float)
    return OutcomeLog(models=("bent", "luck"), x=x, right=right, kinds=np.zeros(n, dtype=np.int64))


def test_a_perceptron_learns_what_no_line_can_tell():
    known, unseen = bent(1500, 0), bent(300, 1)
    p = Networks.fit(known, np.random.default_rng(0), SMALL).p_right(unseen.x)
    straight = item_response(known, np.random.default_rng(0)).p_right(unseen.x)
    assert log_loss(p[:, 0], unseen.right[:, 0]) < 0.4
    assert log_loss(straight[:, 0], unseen.right[:, 0]) > 0.6
    assert np.abs(p[:, 1] - 0.5).mean() < 0.15


def test_item_response_learns_the_two_kinds():
    known, unseen = two_kinds(1500).log, two_kinds(300, seed=1)
    p = item_response(known, np.random.default_rng(0)).p_right(unseen.log.x)
    assert np.abs(p - unseen.p).mean() < 0.08


def test_the_same_draws_give_the_same_networks_and_models_can_be_picked():
    log = two_kinds(60).log
    one, other = (Networks.fit(log, np.random.default_rng(3), SMALL) for _ in range(2))
    whole = one.p_right(log.x)
    assert np.array_equal(whole, other.p_right(log.x))
    assert one.p_right(log.x, [3, 0]) == pytest.approx(whole[:, [3, 0]])


def test_a_model_never_asked_keeps_its_mean():
    log = two_kinds(60).log
    right = log.right.copy()
    right[:, 2] = np.nan
    log = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    p = Networks.fit(log, np.random.default_rng(0), SMALL).p_right(log.x)
    assert p[:, 2] == pytest.approx(log.means[2], abs=0.03)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_one_query_all_right_or_all_wrong(right):
    log = OutcomeLog(
        models=("a",), x=np.ones((1, 3)), right=np.array([[right]]), kinds=np.zeros(1, np.int64)
    )
    p = Networks.fit(log, np.random.default_rng(0), SMALL).p_right(log.x)
    assert np.abs(p - right).max() < 0.1


@pytest.mark.parametrize("is_linear", [False, True])
def test_slopes_are_those_of_the_loss(is_linear):
    """By differences, with the same draws for every loss: masks are then the same."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 3)).astype(np.float32)
    verdicts = rng.integers(0, 2, (7, 2)).astype(np.float32)
    asked = rng.integers(0, 2, (7, 2)).astype(np.float32)
    shape = Shape(hidden=4, is_linear=is_linear)
    weights = [rng.normal(size=size).astype(np.float64) for size in [(3, 4), (4,), (4, 2), (2,)]]

    def kept():
        again = np.random.default_rng(9)
        inputs = np.frombuffer(again.bytes(21), np.uint8).reshape(7, 3) >= round(256 * 0.15)
        hidden = np.frombuffer(again.bytes(28), np.uint8).reshape(7, 4) >= round(256 * 0.3)
        return inputs, hidden

    def loss():
        inputs, hidden = kept()
        sums = (x * inputs) @ weights[0] + weights[1]
        units = (sums if is_linear else np.maximum(sums, 0.0)) * hidden / 0.7
        odds = units @ weights[2] + weights[3]
        return (asked * (np.log1p(np.exp(odds)) - verdicts * odds)).sum() / 7

    slopes = _slopes(
        [w.astype(np.float32) for w in weights],
        *(x, verdicts, asked, np.random.default_rng(9), shape),
    )
    for weight, slope in zip(weights, slopes, strict=True):
        for place in np.ndindex(weight.shape):
            before = weight[place]
            weight[place] = before + 1e-6
            above = loss()
            weight[place] = before - 1e-6
            below = loss()
            weight[place] = before
            assert slope[place] == pytest.approx((above - below) / 2e-6, abs=2e-4)
