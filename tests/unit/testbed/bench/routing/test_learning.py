"""Bandits on a small made-up set: what priors are worth, and who sees what."""

import numpy as np
import pytest

from modelnet.service.prediction.prior import Experience
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.learning import bandit, experience_of
from modelnet.testbed.bench.routing.linucb import LinUCB, projection

QUALITY = np.array([0.5, 0.55, 0.6, 0.65, 0.9, 0.5])
MODELS = ("tiny", "small", "middle", "large", "huge-2024-01-01", "other")


def made(n, seed, quality=QUALITY):
    rng = np.random.default_rng(seed)
    right = (rng.random((n, len(quality))) < quality).astype(np.float64)
    return Part(
        models=MODELS,
        domains=("x",) * n,
        surface=rng.normal(size=(n, 4)),
        embedding=None,
        right=right,
        cost=np.ones((n, len(quality))),
        latency_s=None,
        answers=None,
        prompts=("",) * n,
    )


ELSEWHERE = Experience(
    ("tiny", "small", "middle", "large", "huge-FC"), QUALITY[:5] - 0.1, np.zeros(5)
)


def test_priors_from_elsewhere_save_regret():
    run = bandit(made(900, 0), made(200, 1), [ELSEWHERE], np.random.default_rng(0), orders=3)
    assert run.best_model == "huge-2024-01-01"
    assert run.queries == 900
    assert run.ours.regret < run.cold.regret
    assert run.regret_ratio == pytest.approx(run.ours.regret / run.linucb.regret)
    assert run.ours.delta > -1.0
    assert run.ours.final_delta == pytest.approx(0.0, abs=1.0)
    assert run.ours.curve[-1] == pytest.approx(run.ours.regret)
    assert len(run.ours.curve) == 100


def test_priors_that_tell_nothing_are_overcome():
    flat = Experience(ELSEWHERE.models, np.full(5, 0.6), np.zeros(5))
    run = bandit(made(1500, 0), made(200, 1), [flat], np.random.default_rng(0), orders=3)
    assert run.ours.final_delta > -2.0


def test_one_class_only_regrets_nothing():
    everyone = made(60, 0, np.ones(6))
    run = bandit(everyone, everyone, [], np.random.default_rng(0), orders=1)
    assert run.ours.regret == run.linucb.regret == 0.0
    assert run.regret_ratio is None
    assert run.ours.delta_error == 0.0


def test_the_same_seed_gives_the_same():
    runs = [
        bandit(made(80, 0), made(40, 1), [ELSEWHERE], np.random.default_rng(4), orders=2)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_experience_is_what_a_set_tells():
    part = made(50, 0)
    experience = experience_of(part)
    assert experience.models == MODELS
    assert experience.share_right == pytest.approx(part.right.mean(axis=0))


def test_linucb_finds_which_model_suits_which_query():
    rng = np.random.default_rng(0)
    learner = LinUCB(2, 2)
    for _ in range(300):
        x = np.array([1.0, rng.choice([-1.0, 1.0])])
        model = learner.choose(x)
        learner.learn(x, model, float((x[1] > 0.0) == (model == 1)))
    assert learner.best(np.array([[1.0, 1.0], [1.0, -1.0]])).tolist() == [1, 0]


def test_linucb_is_ridge_regression():
    rng = np.random.default_rng(0)
    x, right = rng.normal(size=(30, 3)), rng.random(30)
    learner = LinUCB(1, 3)
    for row, verdict in zip(x, right, strict=True):
        learner.learn(row, 0, verdict)
    wanted = np.linalg.solve(x.T @ x + np.eye(3), x.T @ right)
    assert learner._weights[0] == pytest.approx(wanted)


def test_features_of_a_set_with_nothing_to_tell_are_a_constant():
    project = projection(np.zeros((10, 3)), None)
    rows = project(np.zeros((4, 3)), None)
    assert (rows[:, 0] == 1.0).all()
    assert np.isfinite(rows).all()
