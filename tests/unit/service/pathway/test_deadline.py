"""Who cannot be done in time comes after who can."""

from dataclasses import replace

import pytest

from modelnet.service.analysis import TaskFeatures
from modelnet.service.breaker import Breaker
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.pathway.deadline import in_time_first, tell_by
from modelnet.service.spread import Spread
from tests.unit.service.pathway.candidates import scored

NOW = 100.0
FEATURES = TaskFeatures(kind=TaskKind.certain(OTHER), prompt_bytes=100)

SLOW = scored("slow", latency_s=10.0)
QUICK = scored("quick", latency_s=1.0)
UNKNOWN = scored("unknown", latency_s=None)


def order(*ranked, left_s: float, features: TaskFeatures = FEATURES) -> list[str]:
    sorted_ = in_time_first(ranked, features, time_left_s=left_s, now=NOW)
    return [one.candidate.card.name for one in sorted_]


def test_with_time_for_all_nothing_changes():
    assert order(SLOW, UNKNOWN, QUICK, left_s=60) == ["slow", "unknown", "quick"]


def test_the_late_come_last_in_their_order():
    slower = scored("slower", latency_s=9.0)
    found = order(SLOW, slower, UNKNOWN, QUICK, left_s=5)
    assert found == ["unknown", "quick", "slow", "slower"]
    assert order(SLOW, slower, left_s=5) == ["slow", "slower"]


def test_who_makes_it_19_times_in_20_comes_before_who_only_usually_does():
    usually = scored("usually", latency_s=4.0)
    assert usually.latency.p50 < 5 < usually.latency.p95
    assert order(SLOW, usually, QUICK, left_s=5) == ["quick", "usually", "slow"]
    steady = replace(usually, spread=Spread(variance=0.001))
    assert order(usually, steady, left_s=5) == ["usually", "usually"]
    assert in_time_first((usually, steady), FEATURES, time_left_s=5, now=NOW)[0] is steady


def test_late_is_better_than_resting_or_too_long_a_prompt():
    resting = scored("resting", latency_s=0.1, breaker=Breaker(1, NOW + 9))
    short = scored("short", latency_s=0.1, context_length=50)
    assert order(short, resting, SLOW, left_s=5) == ["slow", "short", "resting"]


def test_time_does_not_choose_a_space_of_vectors():
    embed = TaskFeatures(operation="embed", kind=TaskKind.certain(OTHER))
    assert order(SLOW, QUICK, left_s=5, features=embed) == ["slow", "quick"]


@pytest.mark.parametrize(("left_s", "margin_s"), [(1.0, 0.05), (100.0, 2.0)])
def test_there_is_a_little_time_to_tell_it(left_s, margin_s):
    assert tell_by(NOW + left_s, NOW) == pytest.approx(NOW + left_s - margin_s)
