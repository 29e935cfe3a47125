"""What verdicts make of prospects."""

import pytest

from modelnet.service.pathway.experience import HALF_LIFE_S, Experience


def after(count: int, verdict: float, *, foretold: float = 0.95, kind: str = "facts") -> Experience:
    experience = Experience()
    for _ in range(count):
        experience.note("cascade", kind, foretold, verdict, 0.0)
    return experience


def test_before_any_verdict_a_little_less_than_foretold_is_expected():
    bias, deviation = Experience().bias("cascade", "facts", 0.0)
    assert -0.02 < bias < 0.0
    assert 0.02 < deviation < 0.05


def test_harm_shows_and_one_failure_is_none():
    assert after(1, 0.0).bias("cascade", "facts", 0.0)[0] > -0.05
    assert after(20, 0.6).bias("cascade", "facts", 0.0)[0] < -0.05


def test_what_keeps_its_promises_is_trusted_more():
    before, seen = Experience().bias("cascade", "facts", 0.0), after(200, 0.95)
    bias, deviation = seen.bias("cascade", "facts", 0.0)
    assert abs(bias) < 0.006
    assert deviation < 0.7 * before[1]


def test_other_kinds_say_something_and_other_strategies_nothing():
    seen, nothing = after(100, 0.5), Experience()
    here, there = (seen.bias("cascade", kind, 0.0)[0] for kind in ("facts", "logic"))
    assert here < there < nothing.bias("cascade", "logic", 0.0)[0]
    assert seen.bias("race", "facts", 0.0) == nothing.bias("race", "facts", 0.0)


def test_it_fades():
    seen, nothing = after(100, 0.0), Experience()
    later = seen.bias("cascade", "facts", 30 * HALF_LIFE_S)
    assert later == pytest.approx(nothing.bias("cascade", "facts", 0.0), abs=1e-4)


def test_an_old_verdict_that_comes_late_is_taken():
    seen = after(10, 0.0)
    seen.note("cascade", "facts", 0.9, 1.0, -HALF_LIFE_S)
    assert seen.bias("cascade", "facts", 0.0)[0] < 0.0


def test_it_remembers_so_many_kinds():
    experience = Experience()
    for number in range(2000):
        experience.note("cascade", f"kind {number}", 0.9, 0.0, 0.0)
    assert len(experience._seen) == 512
