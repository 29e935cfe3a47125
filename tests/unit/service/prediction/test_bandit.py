"""The bandit: its beliefs are exact, its choices get better, what is no data is refused."""

import numpy as np
import pytest

from modelnet.service.prediction import DataError
from modelnet.service.prediction import bandit as bandit_module
from modelnet.service.prediction.bandit import Bandit, Prior

NOISE = 0.15


def flat(m, deviation=0.15):
    return Prior(np.full(m, 0.65), np.full(m, deviation))


def test_beliefs_are_those_of_the_whole_gaussian_model():
    rng = np.random.default_rng(0)
    m, d = 4, 3
    prior = Prior(rng.normal(0.7, 0.1, m), rng.uniform(0.05, 0.2, m))
    learner = Bandit(prior, d)
    own = np.full((m, d), bandit_module._OWN_DEVIATION)
    own[:, 0] = prior.deviation
    constant, other = bandit_module._SHARED_DEVIATION
    deviation = np.concatenate([[constant, *[other] * (d - 1)], own.ravel()])
    mean = np.concatenate([np.zeros(d), np.outer(prior.mean, [1.0, 0.0, 0.0]).ravel()])
    precision = np.diag(deviation**-2.0)
    pulled = precision @ mean
    for _ in range(40):
        x, model, right = np.r_[1.0, rng.normal(size=d - 1)], int(rng.integers(m)), rng.random()
        learner.learn(x, model, right)
        row = np.zeros((m + 1, d))
        row[0], row[model + 1] = x, x
        precision += np.outer(row.ravel(), row.ravel()) / NOISE
        pulled += row.ravel() * right / NOISE
    expected = np.linalg.solve(precision, pulled).reshape(m + 1, d)
    queries = np.concatenate([np.ones((5, 1)), rng.normal(size=(5, d - 1)) / 10.0], axis=1)
    wanted = np.clip(queries @ (expected[0] + expected[1:]).T, 0.0, 1.0)
    assert learner.p_right(queries) == pytest.approx(wanted)
    assert (learner.best(queries) == (queries @ expected[1:].T).argmax(axis=1)).all()


def test_a_better_model_is_found_though_the_prior_is_wrong():
    rng = np.random.default_rng(1)
    truth = np.array([0.5, 0.9, 0.6])
    learner = Bandit(Prior(np.array([0.75, 0.65, 0.65]), np.full(3, 0.15)), 1)
    x = np.ones(1)
    for _ in range(400):
        model = learner.choose(x, rng)
        learner.learn(x, model, float(rng.random() < truth[model]))
    assert learner.best(x[None]).tolist() == [1]
    assert learner.asked.argmax() == 1
    assert learner.asked.sum() == 400


def test_what_differs_by_query_is_learnt():
    rng = np.random.default_rng(2)
    learner = Bandit(flat(2), 2)
    for step in range(4000):
        x = np.array([1.0, 3.0 * rng.choice([-1.0, 1.0])])
        learner.learn(x, step % 2, float((x[1] > 0.0) == (step % 2 == 1)))
    assert learner.best(np.array([[1.0, 3.0], [1.0, -3.0]])).tolist() == [1, 0]


def test_a_prior_counts_as_a_few_observations_and_no_more():
    x = np.ones(1)
    learner = Bandit(Prior(np.array([0.9, 0.7]), np.full(2, 0.07)), 1)
    assert learner.best(x[None]).tolist() == [0]
    for _ in range(60):
        learner.learn(x, 0, 0.0)
        learner.learn(x, 1, 1.0)
    assert learner.best(x[None]).tolist() == [1]


def test_who_is_not_online_is_not_chosen():
    rng = np.random.default_rng(3)
    learner = Bandit(Prior(np.array([0.9, 0.5, 0.1]), np.full(3, 0.01)), 1)
    online = np.array([False, True, True])
    assert {learner.choose(np.ones(1), rng, online) for _ in range(20)} == {1}
    assert learner.best(np.ones((1, 1)), online).tolist() == [1]
    with pytest.raises(DataError, match="No model is online"):
        learner.choose(np.ones(1), rng, np.zeros(3, dtype=bool))


def test_a_model_that_disappears_leaves_the_others_as_they_were():
    learner = Bandit(flat(3), 1)
    x = np.ones(1)
    for _ in range(30):
        learner.learn(x, 2, 1.0)
        learner.learn(x, 1, 0.0)
    only = np.array([True, True, False])
    assert learner.best(x[None], only).tolist() == [0]


def test_one_class_only_leaves_probabilities_probabilities():
    learner = Bandit(flat(2), 1)
    for _ in range(200):
        learner.learn(np.ones(1), 0, 1.0)
    p = learner.p_right(np.ones((1, 1)))
    assert np.isfinite(p).all()
    assert ((p >= 0.0) & (p <= 1.0)).all()
    assert p[0, 0] > 0.95


@pytest.mark.parametrize("verdict", [float("nan"), -0.1, 1.1, float("inf")])
def test_what_is_no_verdict_is_refused_and_forgotten(verdict):
    learner = Bandit(flat(2), 1)
    with pytest.raises(DataError, match="between 0 and 1"):
        learner.learn(np.ones(1), 0, verdict)
    assert learner.asked.tolist() == [0, 0]


def test_a_query_that_is_no_number_is_refused():
    learner = Bandit(flat(2), 2)
    with pytest.raises(DataError, match="finite"):
        learner.choose(np.array([1.0, np.nan]), np.random.default_rng(0))
    with pytest.raises(DataError, match="finite"):
        learner.learn(np.array([1.0, np.nan]), 0, 1.0)


@pytest.mark.parametrize(
    "prior",
    [
        Prior(np.zeros(0), np.zeros(0)),
        Prior(np.array([np.nan]), np.ones(1)),
        Prior(np.zeros(1), np.zeros(1)),
        Prior(np.zeros(2), np.ones(1)),
    ],
)
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(DataError):
        Bandit(prior, 1)
