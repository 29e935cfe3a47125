"""Counts that fade as one are those that fade one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.hierarchy.tally import Tallies
from modelnet.service.standing import HALF_LIFE_S

NOW = 1_000_000.0


def test_a_count_fades_by_half():
    known = Tallies(2, 2)
    known.add([0, 1], 1, 1.0, 1.0, NOW)
    known.add([0], 1, 0.0, 1.0, NOW)
    right, asked = known.of([0, 1], [0, 1], NOW + HALF_LIFE_S)
    assert asked.tolist() == [[0.0, 1.0], [0.0, 0.5]]
    assert right.tolist() == [[0.0, 0.5], [0.0, 0.5]]


@given(
    st.lists(
        st.tuples(st.floats(-200.0, 200.0), st.floats(0.0, 1.0), st.floats(0.01, 1.0)),
        min_size=1,
        max_size=30,
    )
)
def test_they_are_what_single_verdicts_would_be(steps):
    """Days that go back and forth, over hundreds of half-lives."""
    known, now = Tallies(1, 1), 200.0
    for day, right, weight in steps:
        known.add([0], 0, right, weight, day * HALF_LIFE_S)
    right, asked = known.of([0], [0], now * HALF_LIFE_S)
    expected = sum(weight * 0.5 ** (now - day) for day, _, weight in steps)
    assert asked[0, 0] == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert -1e-12 <= right[0, 0] <= asked[0, 0] + 1e-12


def test_a_clock_that_goes_back_makes_nothing_count_more():
    known = Tallies(1, 1)
    known.add([0], 0, 1.0, 1.0, NOW)
    assert known.of([0], [0], NOW - 1e9)[1].tolist() == [[1.0]]


def test_what_is_taken_back_is_gone():
    known = Tallies(3, 1)
    for place in range(40):
        known.add([0, 2], 0, 0.3, 1.0, NOW + 3600.0 * place)
    for place in range(40):
        known.add([0, 2], 0, 0.3, -1.0, NOW + 3600.0 * place)
    assert np.abs(known.of([0, 1, 2], [0], NOW)).max() < 1e-9


def test_a_model_is_scaled_alone():
    known = Tallies(2, 2)
    for model in (0, 1):
        known.add([0, 1], model, 1.0, 1.0, NOW)
    known.scale(0, 0.25)
    assert known.of([1], [0, 1], NOW)[0].tolist() == [[0.25, 1.0]]
