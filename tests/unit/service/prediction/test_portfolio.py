"""A few cascades, and the choice among them."""

import numpy as np
import pytest

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Cascade, Charge, Table
from modelnet.service.prediction.portfolio import Limits, Search
from tests.unit.service.prediction.world import said, two_kinds

COST = np.array([1.0, 1.0, 0.5, 0.1])
POOL = (0, 1, 2, 3)


def table(seed=0, n=600, latency_s=None):
    world, rng = two_kinds(n, seed), np.random.default_rng(seed)
    return Table(
        before=world.p, after=world.p, answers=said(world.log.right, rng), right=world.log.right,
        cost=np.tile(COST, (n, 1)), latency_s=latency_s,
    )  # fmt: skip


def agreement_of(known):
    return Agreement.fit(known.after, known.answers.distinct, known.right, np.random.default_rng(0))


def worth(run, charge):
    return run.right.mean() - charge.per_dollar * run.cost.mean()


@pytest.mark.parametrize("per_dollar", [0.001, 0.02, 0.1, 0.5])
def test_it_is_worth_no_less_than_the_best_single_model(per_dollar):
    charge, known = Charge(per_dollar), table()
    search = Search(agreement_of(known), known, POOL, Limits(steps=2, cascades=4))
    portfolio = search.portfolio(charge)
    single = max(known.right[:, m].mean() - per_dollar * COST[m] for m in POOL)
    assert worth(portfolio.run(known), charge) >= single - 1e-3
    unseen = table(seed=1)
    fixed = max(unseen.right[:, m].mean() - per_dollar * COST[m] for m in POOL)
    assert worth(portfolio.run(unseen), charge) >= fixed - 0.03


def test_queries_go_to_the_model_that_is_best_at_their_kind():
    known, unseen = table(), table(seed=1)
    search = Search(agreement_of(known), known, POOL, Limits(steps=1, cascades=4))
    portfolio = search.portfolio(Charge(0.01))
    assert all(len(cascade.order) == 1 for cascade in portfolio.cascades)
    asked = np.array([cascade.order[0][0] for cascade in portfolio.cascades])
    chosen = asked[portfolio.choose(unseen.before)]
    assert (chosen == unseen.before.argmax(axis=1)).mean() > 0.97
    assert portfolio.run(unseen).right.mean() == pytest.approx(0.9, abs=0.03)


def test_several_charges_share_what_was_traced_and_change_nothing():
    known = table(n=200)
    agreement = agreement_of(known)
    together = Search(agreement, known, POOL, Limits(steps=2, cascades=3))
    together.portfolio(Charge(0.3))
    second = together.portfolio(Charge(0.02))
    alone = Search(agreement, known, POOL, Limits(steps=2, cascades=3)).portfolio(Charge(0.02))
    assert [c.order for c in second.cascades] == [c.order for c in alone.cascades]
    assert second.worth == pytest.approx(alone.worth)


def test_cascades_are_as_they_would_be_fitted_alone():
    known, charge = table(n=200), Charge(0.02)
    agreement = agreement_of(known)
    portfolio = Search(agreement, known, POOL, Limits(steps=3)).portfolio(charge)
    for cascade in portfolio.cascades:
        alone, _ = Cascade.fit(cascade.order, agreement, known, charge)
        for ours, theirs in zip(cascade.going_on, alone.going_on, strict=True):
            assert ours == pytest.approx(theirs)


def test_where_time_is_dear_models_are_asked_at_once_and_within_limits():
    known = table(n=300, latency_s=np.ones((300, 4)))
    search = Search(agreement_of(known), known, POOL, Limits(steps=3, cascades=8))
    portfolio = search.portfolio(Charge(0.0, 0.05))
    groups = [group for cascade in portfolio.cascades for group in cascade.order]
    assert any(len(group) > 1 for group in groups)
    for cascade in portfolio.cascades:
        members = [model for group in cascade.order for model in group]
        assert len(members) == len(set(members)) <= 3
    assert len(portfolio.cascades) <= 8


def test_one_model_is_all_there_is_to_choose():
    known = table(n=50)
    portfolio = Search(agreement_of(known), known, [2], Limits()).portfolio(Charge(0.1))
    assert [cascade.order for cascade in portfolio.cascades] == [((2,),)]
    assert portfolio.run(known).right.tolist() == known.right[:, 2].tolist()
