"""Who is left when nodes come and go."""

from dataclasses import replace

import numpy as np
import pytest

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Table
from modelnet.service.prediction.confidence import Answers
from modelnet.testbed.bench.routing.online import (
    Panels,
    accuracies,
    alone,
    most_probable,
    picking,
    ranked,
)

QUALITY = np.array([0.9, 0.8, 0.8, 0.8, 0.5])
COST = np.array([6.0, 1.0, 1.0, 1.0, 1.0])


def made(n, seed):
    rng = np.random.default_rng(seed)
    p = np.broadcast_to(QUALITY, (n, 5)).copy()
    right = (rng.random((n, 5)) < p).astype(np.float64)
    answers = np.where(right > 0.5, 0, np.arange(1, 6))
    return Table(
        before=p,
        after=p,
        answers=Answers(distinct=answers, form=np.zeros((n, 5), dtype=np.int64)),
        right=right,
        cost=np.broadcast_to(COST, (n, 5)).copy(),
    )


@pytest.fixture(scope="module")
def panels():
    learnt = made(600, 0)
    agreement = Agreement.fit(
        learnt.after, learnt.answers.distinct, learnt.right, np.random.default_rng(0)
    )
    return Panels.fit(agreement, learnt, budget=6.0)


def test_the_most_probable_of_those_online_is_picked():
    before = np.array([[0.9, 0.5, 0.7]] * 3)
    online = np.array([[True, True, True], [False, True, True], [False, False, False]])
    assert most_probable(before, online).tolist() == [0, 2, 0]


def test_nobody_online_is_wrong_and_costs_nothing(panels):
    table = made(20, 1)
    nobody = np.zeros((20, 5), dtype=bool)
    for way in (picking(table), ranked(table, np.arange(5)), alone(table, 0), panels.way(table)):
        answered = way(nobody)
        assert answered.right.sum() == 0.0
        assert answered.cost.sum() == 0.0


def test_a_fallback_goes_down_its_order():
    table = made(50, 2)
    online = np.ones((50, 5), dtype=bool)
    order = np.array([3, 0, 1, 2, 4])
    assert (ranked(table, order)(online).right == table.right[:, 3]).all()
    online[:, 3] = False
    assert (ranked(table, order)(online).right == table.right[:, 0]).all()


def test_one_model_alone_falls_with_the_rate_and_a_fallback_much_less():
    table = made(2000, 3)
    ways = {"alone": alone(table, 0), "ranked": ranked(table, np.arange(5))}
    measured = accuracies(ways, (2000, 5), np.random.default_rng(0), rates=(1.0, 0.5), draws=2)
    assert measured["alone"]["1.0"] == measured["ranked"]["1.0"]
    assert measured["alone"]["0.5"] == pytest.approx(measured["alone"]["1.0"] / 2.0, abs=3.0)
    assert measured["ranked"]["0.5"] > measured["alone"]["1.0"] - 15.0


def test_all_ways_meet_the_same_draws():
    table = made(200, 4)
    ways = {"one": alone(table, 0), "same": alone(table, 0)}
    measured = accuracies(ways, (200, 5), np.random.default_rng(0))
    assert measured["one"] == measured["same"]
    assert list(measured["one"]) == ["1.0", "0.9", "0.8", "0.7", "0.6", "0.5"]


def test_several_that_agree_lose_less_than_the_next_best_alone(panels):
    table = made(3000, 5)
    away = np.ones((3000, 5), dtype=bool)
    away[:, 0] = False
    together = panels.way(table)(away).right.mean()
    assert together > ranked(table, np.arange(5))(away).right.mean() + 0.02


def test_the_budget_is_kept_whoever_is_online(panels):
    table = made(1000, 6)
    rng = np.random.default_rng(0)
    way = panels.way(table)
    for rate in (1.0, 0.7, 0.4):
        assert way(rng.random((1000, 5)) < rate).cost.mean() <= 6.0 + 1e-9


def test_a_panel_asks_nobody_who_is_not_online(panels):
    table = made(300, 7)
    only = np.zeros((300, 5), dtype=bool)
    only[:, 4] = True
    answered = panels.way(table)(only)
    assert (answered.right == table.right[:, 4]).all()
    assert (answered.cost == 1.0).all()


def proven(learnt: Table) -> Panels | None:
    rng = np.random.default_rng(0)
    agreement = Agreement.fit(learnt.after, learnt.answers.distinct, learnt.right, rng)
    return Panels.proven(agreement, learnt, 6.0, rng)


def test_panels_speak_only_where_they_do_better_than_one_model():
    """Voices of their own are worth hearing together; those that all know the same are not."""
    assert proven(made(600, 0)) is not None
    one = made(600, 0)
    right = np.repeat(one.right[:, :1], 5, axis=1)
    sure = np.where(right > 0.5, 0.97, 0.03)
    answers = Answers(distinct=np.where(right > 0.5, 0, 1), form=one.answers.form)
    alike = replace(one, before=sure, after=sure, right=right, answers=answers)
    assert proven(alike) is None
