"""Baselines on small made-up sets."""

from dataclasses import replace

import numpy as np
import pytest

from modelnet.service.prediction.confidence import Answers
from modelnet.testbed.bench.routing.baseline import (
    baselines,
    best_single,
    oracle,
    random,
    single,
    table_per_domain,
)
from modelnet.testbed.bench.routing.data import Part

P_BY_DOMAIN = np.array([[0.9, 0.5, 0.3], [0.3, 0.6, 0.9]])
COST = np.array([3.0, 1.0, 2.0])


def made(n, seed, *, p=P_BY_DOMAIN):
    """A part of two domains that tell themselves apart, three models; wrong answers differ."""
    rng = np.random.default_rng(seed)
    domain = rng.integers(0, 2, n)
    right = (rng.random((n, 3)) < p[domain]).astype(np.float64)
    embedding = np.eye(4)[domain] + rng.normal(0.0, 0.1, (n, 4))
    answers = np.where(right > 0.5, 0, np.arange(1, 4))
    return Part(
        models=("a", "b", "c"),
        domains=tuple("xy"[k] for k in domain),
        surface=np.stack([domain + rng.normal(0.0, 0.1, n), rng.normal(size=n)], axis=1),
        embedding=embedding / np.linalg.norm(embedding, axis=1, keepdims=True),
        right=right,
        cost=np.broadcast_to(COST, (n, 3)).copy(),
        latency_s=rng.uniform(0.5, 1.5, (n, 3)),
        answers=Answers(distinct=answers, form=np.ones((n, 3), dtype=np.int64)),
        prompts=("",) * n,
    )


@pytest.fixture(scope="module")
def parts():
    return made(400, 1), made(200, 2), made(300, 3)


@pytest.fixture(scope="module")
def answered(parts):
    return baselines(*parts, np.random.default_rng(0))


def test_every_baseline_answers_every_query(answered):
    assert set(answered) == {
        *("best single", "random", "oracle", "table per domain"),
        *("knn", "knn, equal cost", "linear", "linear, equal cost", "mlp", "mlp, equal cost"),
        *("matrix factorisation", "matrix factorisation, equal cost"),
        *("learned cascade", "three answers", "race", "linucb"),
        *("best single, half online", "ranked fallback, half online"),
    }
    for way in answered.values():
        assert len(way.right) == len(way.cost) == len(way.latency_s) == 300
        assert np.isfinite(way.right).all()


def test_nobody_is_better_than_the_oracle_or_worse_than_a_lot(answered):
    for name, way in answered.items():
        if "," not in name and name not in {"three answers", "race", "learned cascade"}:
            assert way.right.mean() <= answered["oracle"].right.mean(), name
        if "half" not in name and name != "best single":
            assert way.right.mean() >= answered["random"].right.mean(), name


@pytest.mark.parametrize("name", ["table per domain", "knn", "linear", "mlp", "linucb"])
def test_who_knows_the_query_beats_the_best_single_model(answered, name):
    assert answered[name].right.mean() > answered["best single"].right.mean() + 0.1


def test_at_equal_cost_no_more_is_paid(answered, parts):
    limit = parts[1].cost[:, best_single(parts[0])].mean()
    for name, way in answered.items():
        if name.endswith("equal cost"):
            assert way.cost.mean() <= limit * 1.1, name


def test_the_oracle_pays_for_the_cheapest_right_answer():
    part = replace(
        made(3, 0),
        right=np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.2, 0.9, 0.5]]),
    )
    assert oracle(part).cost.tolist() == [2.0, 1.0, 1.0]
    assert oracle(part).right.tolist() == [1.0, 0.0, 0.9]


def test_a_lot_is_the_mean_over_models():
    part = replace(made(1, 0), right=np.array([[1.0, 0.0, 0.5]]))
    assert random(part).right.tolist() == [0.5]
    assert random(part).cost.tolist() == [2.0]


def test_of_equal_models_the_cheaper_one_is_best():
    part = replace(made(4, 0), right=np.ones((4, 3)))
    assert best_single(part) == 1
    assert single(part, 1).cost.tolist() == [1.0] * 4


def test_a_domain_nobody_knows_gets_the_best_single_model(parts):
    train, _, test = parts
    strange = replace(test, domains=("new",) * len(test.domains))
    assert set(table_per_domain(train, strange)) == {best_single(train)}
    assert set(table_per_domain(train, test)) == {0, 2}


def test_what_cannot_be_had_is_left_out(parts):
    bare = [replace(part, answers=None, latency_s=None, embedding=None) for part in parts]
    answered = baselines(*bare, np.random.default_rng(0))
    assert answered.keys().isdisjoint({"knn", "learned cascade", "three answers", "race"})
    assert answered["linear"].latency_s is None
    no_times = baselines(
        *(replace(part, latency_s=None) for part in parts), np.random.default_rng(0)
    )
    assert "race" not in no_times
    assert "three answers" in no_times


def test_one_class_only_changes_nobody():
    sure = np.ones((2, 3))
    parts = [made(n, seed, p=sure) for n, seed in ((60, 1), (40, 2), (30, 3))]
    answered = baselines(*parts, np.random.default_rng(0))
    for name, way in answered.items():
        if "half" not in name:
            assert way.right.mean() == 1.0, name


def test_the_same_seed_gives_the_same(parts, answered):
    again = baselines(*parts, np.random.default_rng(0))
    for name, way in answered.items():
        assert (again[name].right == way.right).all(), name
