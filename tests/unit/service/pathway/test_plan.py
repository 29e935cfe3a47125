"""Do no harm: nothing but one model, unless more is surely better."""

import math

import pytest

from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.pathway.plan import Plan, Prospect, plan
from modelnet.service.preference import BALANCED
from modelnet.service.selection import SINGLE
from tests.unit.service.pathway.candidates import scored

FEATURES = TaskFeatures(kind=TaskKind.certain(OTHER))
TWO = [scored("a"), scored("b")]


def planned(*prospects: Prospect, ranked=TWO) -> Plan:
    return plan(FEATURES, ranked, BALANCED, prospects)


def test_nobody_predicts_anything():
    assert planned().strategy == SINGLE


@pytest.mark.parametrize(
    ("gain", "deviation"),
    [
        (0.0, 0.0),
        (-0.1, 0.0),
        (0.1, 0.1),
        (math.nan, 0.0),
        (0.1, math.nan),
        (math.inf, 0.0),
        (0.1, -1.0),
    ],
)
def test_a_gain_that_may_be_a_loss_is_none(gain, deviation):
    assert planned(Prospect("race", gain, deviation)).strategy == SINGLE


def test_the_surest_gain_is_taken():
    found = planned(
        Prospect("race", 0.2, 0.1), Prospect("cascade", 0.1, 0.01), Prospect("vote", 0.05, 0.0)
    )
    assert found.strategy == "cascade"


def test_one_model_cannot_work_together():
    assert planned(Prospect("race", 0.2, 0.01), ranked=TWO[:1]).strategy == SINGLE
