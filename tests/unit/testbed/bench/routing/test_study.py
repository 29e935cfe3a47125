"""Our router on one set whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from modelnet.service.prediction.confidence import Answers
from modelnet.testbed.bench.routing import study as router
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.study import POINTS, Fitted, answers_of, charges, study

MODELS = ("cheap sums", "cheap prose", "dear")
P = np.array([[0.9, 0.3, 0.8], [0.3, 0.9, 0.8]])
COST = np.array([1.0, 1.0, 5.0])


def part(n, seed, has_times=True, has_answers=True):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n)
    surface = rng.normal(size=(n, 3))
    surface[:, 0] += 4.0 * kinds
    right = (rng.random((n, 3)) < P[kinds]).astype(float)
    distinct = np.where(right > 0.5, 0, rng.integers(1, 30, right.shape))
    return Part(
        models=MODELS,
        domains=tuple(("sums", "prose")[kind] for kind in kinds),
        surface=surface,
        embedding=None,
        right=right,
        cost=np.tile(COST, (n, 1)),
        latency_s=np.tile([1.0, 1.0, 2.0], (n, 1)) if has_times else None,
        answers=Answers(distinct=distinct, form=np.zeros_like(distinct)) if has_answers else None,
        prompts=("",) * n,
    )


@pytest.fixture(autouse=True)
def few_charges(monkeypatch):
    monkeypatch.setattr(router, "_PER_COST", (0.01, 0.1))
    monkeypatch.setattr(router, "_PER_LATENCY", (0.0,))


@pytest.fixture(scope="module")
def seen():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router, "_PER_COST", (0.01, 0.1))
        patch.setattr(router, "_PER_LATENCY", (0.0,))
        return study(part(250, 0), part(120, 1), part(400, 2), np.random.default_rng(0))


def test_it_is_better_and_cheaper_than_the_best_single_model(seen):
    assert seen.best_model == "dear"
    assert set(seen.points) == set(POINTS)
    point = seen.points["equal_cost"]
    assert point.right.mean() > seen.best.right.mean() + 0.04
    assert point.cost.mean() < 0.9 * seen.best.cost.mean()
    assert point.predicted.mean() == pytest.approx(point.right.mean(), abs=0.06)


def test_a_higher_charge_spends_less(seen):
    dear, cheap = seen.runs
    assert cheap.cost.mean() <= dear.cost.mean() + 1e-9


def test_its_probabilities_are_near_the_truth(seen):
    test = part(400, 2)
    truth = P[[("sums", "prose").index(domain) for domain in test.domains]]
    assert np.abs(seen.table.before - truth).mean() < 0.1


def test_what_it_was_fitted_on_looks_as_hard_as_what_is_new():
    known, new = part(150, 0, has_times=False), part(600, 3, has_times=False)
    fitted = Fitted.fit(known, np.random.default_rng(0))
    learnt, table = fitted.learnt, fitted.table(new)

    def loss(p, right):
        return -(right * np.log(p) + (1 - right) * np.log(1 - p)).mean()

    for inside, outside in ((learnt.before, table.before), (learnt.after, table.after)):
        assert loss(inside, learnt.right) > loss(outside, table.right) - 0.05
    assert all(not run.latency_s.any() for run in fitted.runs(table))


def test_charges_are_in_units_of_the_best_single_model():
    timed, untimed = charges(part(5, 0), 2), charges(part(5, 0, has_times=False), 2)
    assert [charge.per_dollar for charge in timed] == pytest.approx([0.002, 0.02])
    assert [charge.per_second for charge in untimed] == [0.0, 0.0]


def test_where_no_answers_are_recorded_no_two_are_alike():
    answers = answers_of(part(2, 0, has_answers=False))
    assert answers.distinct.tolist() == [[0, 1, 2]] * 2
    assert not answers.form.any()


def test_where_no_gain_is_sure_the_best_single_model_answers_at_equal_cost():
    """Models that all know the same: whatever looks like a gain is luck."""
    rng = np.random.default_rng(5)

    def alike(n):
        one = part(n, int(rng.integers(1000)))
        right = np.repeat(rng.random((n, 1)) < 0.7, 3, axis=1).astype(float)
        distinct = np.where(right > 0.5, 0, 1)
        return replace(one, right=right, answers=Answers(distinct=distinct, form=distinct * 0))

    seen = study(alike(200), alike(100), alike(150), rng)
    assert seen.points["equal_cost"].right.tolist() == seen.best.right.tolist()
    assert seen.points["equal_cost"].cost.tolist() == seen.best.cost.tolist()
