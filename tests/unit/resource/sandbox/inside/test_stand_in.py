"""What stands in for pytest where tests are run in the sandbox."""

import pytest

from modelnet.resource.sandbox.inside import stand_in


def test_what_is_raised_is_expected():
    with stand_in.raises((KeyError, ValueError), match="^no") as caught:
        raise ValueError("no, thanks")
    assert str(caught.value) == "no, thanks"
    stand_in.raises(ValueError, int, "x")


def test_what_is_not_raised_fails():
    with pytest.raises(AssertionError, match="nothing was raised"), stand_in.raises(ValueError):
        pass
    with pytest.raises(KeyError), stand_in.raises(ValueError):
        raise KeyError
    with pytest.raises(AssertionError), stand_in.raises(ValueError, match="yes"):
        raise ValueError("no")


def test_numbers_are_met_within_a_tolerance():
    approx = stand_in.pytest().approx
    assert approx(0.3) == 0.1 + 0.2
    assert approx([0.3, {"a": 1}]) == [0.1 + 0.2, {"a": 1.0}]
    assert approx(1, abs=0.5) == 1.4
    assert approx(0.3) != 0.31
    assert approx([1]) != [1, 2]
    assert approx({"a": 1}) != {"b": 1}
    assert approx(1) != "1"
    assert approx("x") == "x"


def test_cases_are_run_one_by_one():
    seen = []
    stand_in.parametrize("a, b", [(1, 2), (3, 4)])(lambda a, b: seen.append((a, b)))()
    stand_in.parametrize("c", [(5, 6)])(lambda c: seen.append([c]))()
    assert seen == [(1, 2), (3, 4), [(5, 6)]]
