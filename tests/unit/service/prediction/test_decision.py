"""A decision on one query says what the stack says, and looks closely at few."""

import numpy as np
import pytest

from modelnet.service.prediction.decision import QUICK, Decider, quick_stack
from modelnet.service.prediction.log import DataError
from modelnet.service.prediction.stack import Stack
from tests.unit.service.prediction.world import two_kinds


@pytest.fixture(scope="module")
def world():
    return two_kinds(200)


@pytest.fixture(scope="module")
def stack(world):
    return quick_stack(world.log, np.random.default_rng(0))


def test_it_says_what_the_stack_says(world, stack):
    decider = Decider.of(stack)
    free = np.zeros(len(world.log.models))
    for x, p in zip(world.log.x[:20], stack.p_right(world.log.x[:20]), strict=True):
        ranking = decider.rank(x, free)
        assert ranking.p == pytest.approx(p[ranking.models], abs=1e-5)
        assert ranking.p.tolist() == sorted(ranking.p, reverse=True)


def test_a_charge_moves_a_model_back(world, stack):
    decider, x = Decider.of(stack), world.log.x[0]
    best = decider.rank(x, np.zeros(4)).models[0]
    charge = np.where(np.arange(4) == best, 1.0, 0.0)
    assert decider.rank(x, charge).models[-1] == best


def test_of_many_only_those_that_look_best_are_looked_at(world, stack):
    ranking = Decider.of(stack).rank(world.log.x[0], np.zeros(4), count=2)
    close = Decider.of(stack).rank(world.log.x[0], np.zeros(4))
    assert len(ranking.models) == 2
    assert ranking.models[0] == close.models[0]


def test_a_stack_of_other_members_is_refused(world):
    with pytest.raises(DataError, match="QUICK"):
        Decider.of(Stack.fit(world.log, np.random.default_rng(0)))
    with pytest.raises(DataError, match="QUICK"):
        Decider.of(Stack.fit(world.log, np.random.default_rng(0), QUICK[::-1]))
