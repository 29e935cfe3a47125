"""The circuit breaker."""

import pytest

from modelnet.core.error import EngineError, InvalidRequestError, OverloadedError, PeerLostError
from modelnet.service.breaker import CLOSED, Breaker

NOW = 1000.0


def test_a_failure_opens_it_for_a_second() -> None:
    breaker = CLOSED.failed(EngineError("Broken."), NOW)
    assert breaker.is_open(NOW + 0.99)
    assert not breaker.is_open(NOW + 1.0)


def test_every_further_failure_doubles_the_rest_up_to_a_minute() -> None:
    breaker, rests = CLOSED, []
    now = NOW
    for _ in range(40):
        breaker = breaker.failed(PeerLostError("Gone."), now)
        rests.append(breaker.rests_until - now)
        now = breaker.rests_until
    assert rests[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(rests[6:]) == {60}
    assert breaker.failures == 40


@pytest.mark.parametrize(("told_s", "rest_s"), [(None, 0.5), (0.2, 0.2), (7.0, 7.0), (9e9, 60.0)])
def test_an_overloaded_model_rests_as_long_as_it_said_and_has_not_failed(
    told_s: float | None, rest_s: float
) -> None:
    breaker = CLOSED.failed(OverloadedError("Full.", retry_after_s=told_s), NOW)
    assert breaker == Breaker(failures=0, rests_until=NOW + rest_s)


def test_a_short_rest_never_cuts_a_long_one() -> None:
    resting = Breaker(failures=5, rests_until=NOW + 30)
    assert resting.failed(OverloadedError("Full."), NOW).rests_until == NOW + 30


def test_the_askers_own_fault_changes_nothing() -> None:
    assert CLOSED.failed(InvalidRequestError("Empty."), NOW) is CLOSED
