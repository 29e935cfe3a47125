"""Do no harm: nothing but one model, unless more is surely better."""

import math

import pytest

from modelnet.service.breaker import Breaker
from modelnet.service.pathway.plan import Plan, plan
from modelnet.service.pathway.prospect import Prospect, of_single
from modelnet.service.selection import SINGLE
from tests.unit.service.pathway.candidates import scored

TWO = [scored("a"), scored("b")]
NOW = 100.0


def planned(*prospects: Prospect, ranked=TWO) -> Plan:
    return plan(ranked, prospects, now=NOW)


def test_nobody_predicts_anything():
    assert planned().strategy == SINGLE
    assert planned(of_single(SINGLE, TWO[0])).strategy == SINGLE


@pytest.mark.parametrize(
    ("gain", "deviation"),
    [
        (0.0, 0.0),
        (-0.1, None),
        (-0.1, 0.0),
        (0.1, None),
        (0.1, 0.1),
        (math.nan, 0.0),
        (0.1, math.nan),
        (math.inf, 0.0),
        (0.1, -1.0),
    ],
)
def test_a_gain_that_may_be_a_loss_is_none(gain, deviation):
    found = planned(Prospect("race", gain, deviation))
    assert found.strategy == SINGLE
    assert found.because


def test_the_surest_gain_is_taken():
    found = planned(
        of_single(SINGLE, TWO[0]),
        Prospect("race", 0.2, 0.1),
        Prospect("cascade", 0.1, 0.01),
        Prospect("vote", 0.05, 0.0),
    )
    assert found.strategy == "cascade"
    assert found.chosen is not None
    assert found.chosen.strategy == "cascade"
    assert "0.084 at least" in found.because


def test_one_that_cannot_be_told_does_not_hide_another():
    found = planned(Prospect("race", math.nan, math.nan), Prospect("cascade", 0.1, 0.01))
    assert found.strategy == "cascade"


def test_it_says_what_the_others_would_have_been():
    loss, maybe = Prospect("cascade", -0.02, None), Prospect("race", 0.05, 0.1)
    assert "cascade is expected to lose 0.020" in planned(loss).because
    assert "race may gain 0.050, but also lose 0.115" in planned(loss, maybe).because
    assert planned(loss, maybe).prospects == (loss, maybe)


def test_one_model_cannot_work_together():
    sure = Prospect("race", 0.2, 0.01)
    assert planned(sure, ranked=TWO[:1]).strategy == SINGLE
    assert planned(sure, ranked=[]).strategy == SINGLE


def test_where_all_rest_nothing_is_planned():
    tired = Breaker(failures=9, rests_until=NOW + 9.0)
    resting = [scored("a", breaker=tired), scored("b", breaker=tired)]
    assert planned(Prospect("race", 0.2, 0.01), ranked=resting).strategy == SINGLE
