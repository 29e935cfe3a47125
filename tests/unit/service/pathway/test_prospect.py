"""Gains over the best single model, and how sure they are."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.pathway.climb import Climb
from modelnet.service.pathway.ladder import after
from modelnet.service.pathway.outlook import PROSE, Outlook
from modelnet.service.pathway.prospect import Course, Prospect, Rivalry, of_single
from modelnet.service.preference import BALANCED, PREFERENCES, Preference
from modelnet.service.standing import Estimate
from tests.unit.service.pathway.candidates import scored

PROVED = Outlook(is_provable=True)
FREE = Preference(p_per_second=0.0, p_per_dollar=0.0)


def measured(name: str, p: float, *, deviation: float = 0.02, **about):
    """A model of which so much is known."""
    quality = Estimate(p, deviation, 400.0)
    return replace(scored(name, p=p, **about), quality=quality, on_kind=quality)


SMALL = measured("small", 0.8, latency_s=0.1, cost_usd=0.0001)
LARGE = measured("large", 0.97, latency_s=0.5, cost_usd=0.02)


def cascade(*rungs, best, outlook=PROVED, preference=BALANCED) -> Prospect:
    climb = Climb.of(rungs, preference, outlook)
    return Rivalry(rungs, best, preference, outlook).prospect("cascade", climb.course)


def test_a_cheap_model_whose_answers_can_be_proved_pays():
    found = cascade(SMALL, LARGE, best=LARGE)
    assert found.lower_bound > 0.0
    assert found.cost_usd < 0.5 * LARGE.cost_usd
    cheap = PREFERENCES["auto:cheap"]
    assert (
        cascade(SMALL, measured("l", 0.97, cost_usd=0.003), best=SMALL, preference=cheap).gain > 0.0
    )


def test_where_nothing_can_be_told_apart_nothing_is_gained():
    found = cascade(SMALL, LARGE, best=LARGE, outlook=PROSE)
    assert found.gain < 0.0
    assert found.deviation is None
    assert found.lower_bound == -math.inf


def test_who_was_never_measured_makes_a_gain_unsure():
    sure, unsure = (
        cascade(measured("small", 0.4, deviation=deviation, latency_s=0.1), LARGE, best=LARGE)
        for deviation in (0.01, 0.28)
    )
    assert sure.gain == pytest.approx(unsure.gain)
    assert sure.lower_bound > 0.0 > unsure.lower_bound


def test_a_time_that_was_never_measured_makes_a_gain_unsure():
    unknown = measured("small", 0.8, latency_s=None, cost_usd=0.0001)
    hurried = Preference(p_per_second=0.05, p_per_dollar=10.0)
    known = measured("small", 0.8, latency_s=1.0, cost_usd=0.0001)
    sure, unsure = (cascade(one, LARGE, best=LARGE, preference=hurried) for one in (known, unknown))
    assert sure.gain == pytest.approx(unsure.gain)
    assert unsure.deviation > sure.deviation


def test_silence_is_paid_for():
    slow = measured("small", 0.8, latency_s=3.0, cost_usd=0.0001)
    hurried = PREFERENCES["auto:fast"]
    assert cascade(slow, LARGE, best=LARGE).gain < cascade(SMALL, LARGE, best=LARGE).gain
    assert cascade(slow, LARGE, best=LARGE, preference=hurried).gain < 0.0


def test_a_pathway_that_is_the_single_model_gains_nothing():
    rivalry = Rivalry((LARGE,), LARGE, BALANCED, PROSE)

    def alone(world) -> Course:
        return Course(world.p[0], (1.0,), 0.5, 0.0)

    found = rivalry.prospect("same", alone)
    assert found.gain == pytest.approx(0.0)


def test_what_holds_for_both_is_no_doubt():
    """If the pathway is right exactly where the best is, what the best is does not matter."""
    both, best = measured("a", 0.5, deviation=0.3), measured("b", 0.5, deviation=0.3)

    def follow(world) -> Course:
        return Course(min(1.0, world.p[1] + 0.1), (0.0, 0.0), 0.0, 0.0)

    quick = Preference(p_per_second=0.0, p_per_dollar=0.0)
    found = Rivalry((both, best), best, quick, PROSE).prospect("x", follow)
    assert found.gain == pytest.approx(0.1)
    assert found.deviation == pytest.approx(0.0)
    other = Rivalry((both,), best, quick, PROSE).prospect(
        "x", lambda _: Course(0.6, (0.0,), 0.0, 0.0)
    )
    assert other.deviation == pytest.approx(0.3)


def test_outcomes_correct_it():
    found = Prospect("cascade", 0.1, 0.03, p_right=0.9)
    corrected = found.corrected(-0.02, 0.04)
    assert (corrected.gain, corrected.deviation) == (pytest.approx(0.08), pytest.approx(0.05))
    assert corrected.p_right == 0.9
    assert Prospect("race", -0.1, None).corrected(0.5, 0.0).lower_bound == -math.inf


@pytest.mark.parametrize(
    "strange",
    [
        {"latency_s": math.nan},
        {"latency_s": math.inf},
        {"cost_usd": math.nan},
        {"cost_usd": math.inf},
        {"deviation": math.nan, "latency_s": 0.1},
        {"p": math.nan},
    ],
)
def test_numbers_that_are_none_promise_nothing(strange):
    odd = measured("small", **{"p": 0.8, **strange})
    assert cascade(odd, LARGE, best=LARGE).lower_bound == -math.inf


def test_the_single_model_is_what_it_is():
    found = of_single("single", LARGE)
    assert (found.gain, found.lower_bound, found.p_right) == (0.0, 0.0, 0.97)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_right_and_wrong_before_make_the_whole(p, p_before):
    where_right, where_wrong = after(p, p_before)
    assert 0.0 <= where_right <= 1.0
    assert 0.0 <= where_wrong <= 1.0
    whole = p_before * where_right + (1.0 - p_before) * where_wrong
    assert whole <= p + 1e-9
    if 0.0 < where_right < 1.0:
        assert whole == pytest.approx(p)
