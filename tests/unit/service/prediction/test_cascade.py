"""Cascades: asked one after another, stopped when asking on is not worth its charge."""

import numpy as np
import pytest

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Cascade, Charge, Table, trace
from tests.unit.service.prediction.world import said

N = 2000
CHEAP, SECOND, DEAR = range(3)
COST = np.array([1.0, 1.0, 10.0])
FREE = Charge(0.0)


def table(seed=0, n=N, **changes):
    """Return two cheap models right in 70 % and a dear one in 95 %, on hard and easy queries."""
    rng = np.random.default_rng(seed)
    easy = rng.random(n) < 0.7
    p = np.stack([np.where(easy, 0.95, 0.15)] * 2 + [np.full(n, 0.95)], axis=1)
    right = (rng.random(p.shape) < p).astype(float)
    before = np.tile([0.7, 0.7, 0.95], (n, 1))
    parts = {
        "before": before, "after": before, "answers": said(right, rng), "right": right,
        "cost": np.tile(COST, (n, 1)), "latency_s": np.tile([1.0, 3.0, 2.0], (n, 1)),
    }  # fmt: skip
    return Table(**(parts | changes))


@pytest.fixture(scope="module")
def agreement():
    known = table()
    return Agreement.fit(known.after, known.answers.distinct, known.right, np.random.default_rng(0))


ORDER = ((CHEAP,), (SECOND,), (DEAR,))


def test_it_stops_where_two_agree_and_asks_on_where_they_do_not(agreement):
    cascade, _ = Cascade.fit(ORDER, agreement, table(), Charge(0.01))
    unseen = table(seed=1)
    run = cascade.run(agreement, unseen)
    agree = unseen.answers.distinct[:, CHEAP] == unseen.answers.distinct[:, SECOND]
    assert (run.groups[agree] <= 2).mean() > 0.99
    assert (run.groups[~agree] == 3).mean() > 0.99
    assert run.right.mean() > 0.93
    assert run.cost.mean() < 0.6 * COST[DEAR]
    assert run.predicted.mean() == pytest.approx(run.right.mean(), abs=0.03)


def test_what_is_spent_is_what_those_asked_cost(agreement):
    cascade, _ = Cascade.fit(ORDER, agreement, table(), Charge(0.01))
    run = cascade.run(agreement, table(seed=1))
    assert run.cost == pytest.approx(np.cumsum(COST)[run.groups - 1])
    assert run.latency_s == pytest.approx(np.cumsum([1.0, 3.0, 2.0])[run.groups - 1])


def test_a_group_costs_the_sum_and_takes_the_longest(agreement):
    steps = trace(((CHEAP, SECOND), (DEAR,)), agreement, table(n=5))
    assert steps[0].cost.tolist() == [2.0] * 5
    assert steps[0].latency_s.tolist() == [3.0] * 5
    assert steps[1].charged(Charge(0.1, 0.01)) == pytest.approx([1.02] * 5)


def test_the_dearer_a_dollar_the_less_is_spent(agreement):
    charges = [0.0, 0.005, 0.02, 0.05, 1.0]
    runs = [
        Cascade.fit(ORDER, agreement, table(), Charge(charge))[0].run(agreement, table(seed=1))
        for charge in charges
    ]
    costs = [run.cost.mean() for run in runs]
    assert costs == sorted(costs, reverse=True)
    assert (runs[-1].groups == 1).all()
    assert runs[0].right.mean() > 0.9


@pytest.mark.parametrize("per_dollar", [0.003, 0.01, 0.03, 0.1])
def test_asking_on_is_never_paid_more_than_it_brings(agreement, per_dollar):
    """By the charge, stopping well is worth no less than the first alone, or always all."""
    charge = Charge(per_dollar)
    cascade, _ = Cascade.fit(ORDER, agreement, table(), charge)
    unseen = table(seed=1)
    run, steps = cascade.run(agreement, unseen), trace(ORDER, agreement, unseen)
    ours = run.right.mean() - per_dollar * run.cost.mean()
    first = steps[0].right.mean() - per_dollar * COST[0]
    whole = steps[-1].right.mean() - per_dollar * COST.sum()
    assert ours >= max(first, whole) - 0.01
    assert (
        per_dollar * (run.cost.mean() - COST[0]) <= run.right.mean() - steps[0].right.mean() + 0.01
    )


def test_the_value_on_the_table_is_what_the_run_brings(agreement):
    charge = Charge(0.01, 0.001)
    cascade, values = Cascade.fit(ORDER, agreement, table(), charge)
    run = cascade.run(agreement, table())
    brought = 0.5 * run.right + 0.5 * run.predicted - 0.01 * run.cost - 0.001 * run.latency_s
    assert values == pytest.approx(brought)


def test_one_step_has_nothing_to_decide(agreement):
    cascade, values = Cascade.fit(((DEAR,),), agreement, table(), FREE)
    run = cascade.run(agreement, table(seed=1))
    assert cascade.going_on == ()
    assert (run.groups == 1).all()
    assert values.mean() == pytest.approx(0.95, abs=0.02)


def test_where_no_times_are_known_none_are_counted(agreement):
    known = table(n=100, latency_s=None)
    cascade, _ = Cascade.fit(ORDER, agreement, known, Charge(0.01, 5.0))
    assert not cascade.run(agreement, known).latency_s.any()
    assert known.rows(np.arange(3)).latency_s is None


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_one_query_all_right_or_all_wrong_and_nothing_costs(agreement, verdict):
    one = table(n=1)
    right = np.full((1, 3), verdict)
    one = table(n=1, right=right, answers=one.answers, cost=np.zeros((1, 3)))
    cascade, values = Cascade.fit(ORDER, agreement, one, Charge(0.1))
    run = cascade.run(agreement, one)
    assert run.right.tolist() == [verdict]
    assert run.cost.tolist() == [0.0]
    assert np.isfinite(values).all()


def test_rows_of_a_table_are_rows_of_all_it_holds():
    few = table(n=10).rows(np.array([4, 2]))
    assert few.right.shape == few.cost.shape == few.latency_s.shape == (2, 3)
    assert few.answers.distinct.shape == (2, 3)
