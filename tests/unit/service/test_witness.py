"""What witnesses saw, joined to what was believed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.standing import Tally
from modelnet.service.standing import Estimate
from modelnet.service.witness import joined

KNOWN = Estimate(0.6, 0.1, 20.0)


def test_where_nothing_is_near_nothing_changes():
    assert joined(KNOWN, Tally()) == KNOWN
    assert joined(KNOWN, Tally(1e-9, 1e-9)) == pytest.approx(KNOWN, abs=1e-6)


def test_many_verdicts_near_outweigh_the_kind():
    told = joined(KNOWN, Tally(0.0, 100.0))
    assert told.mean < 0.1
    assert told.deviation < KNOWN.deviation
    assert told.asked == KNOWN.asked


@given(
    mean=st.floats(0.0, 1.0),
    deviation=st.floats(0.0, 0.5),
    asked=st.floats(0.0, 1e6),
    share=st.floats(0.0, 1.0),
)
def test_it_lies_between_what_is_known_and_what_is_near(mean, deviation, asked, share):
    known = Estimate(mean, deviation, 3.0)
    told = joined(known, Tally(share * asked, asked))
    assert min(mean, share) - 1e-9 <= told.mean <= max(mean, share) + 1e-9
    assert 0.0 <= told.deviation <= math.sqrt(deviation**2 + 0.25)
