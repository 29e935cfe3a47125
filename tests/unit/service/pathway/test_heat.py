"""What becomes of a race."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.pathway.confidence import DEFAULT
from modelnet.service.pathway.heat import Heat
from modelnet.service.pathway.outlook import PROSE, Outlook
from modelnet.service.pathway.prospect import World
from tests.unit.service.pathway.candidates import scored

PROVED = Outlook(is_provable=True)
SHORT = Outlook(p_comparable=1.0)
THREE = tuple(scored(name, p=0.7, latency_s=1.0 + i) for i, name in enumerate("abc"))


def course(members, outlook=SHORT, **world):
    told = {"p": tuple(m.quality.mean for m in members), "calibration": DEFAULT, **world}
    heat = Heat.of(members, outlook)
    return heat.course(World(p_comparable=outlook.p_comparable, **told))


def test_of_three_alike_the_majority_is_right_a_little_more_often():
    found = course(THREE)
    assert 0.7 < found.p_right < 0.8
    assert found.asked == (1.0, 1.0, 1.0)
    assert 2.0 < found.latency_s < 3.0
    assert found.silent_s == found.latency_s


def test_two_alike_decide_nothing():
    assert course(THREE[:2]).p_right == pytest.approx(0.7, abs=0.01)


def test_two_weak_ones_do_not_outvote_a_strong_one():
    strong = scored("strong", p=0.97)
    weak = [scored(name, p=0.4) for name in "xy"]
    assert course([strong, *weak]).p_right == pytest.approx(0.97)


def test_where_answers_cannot_be_compared_the_best_is_told():
    best = scored("best", p=0.9, latency_s=0.5)
    found = course([best, *THREE], outlook=PROSE)
    assert (found.p_right, found.latency_s) == (0.9, 0.5)


def test_where_a_program_proves_one_right_answer_is_enough():
    found = course(THREE, outlook=PROVED)
    assert found.p_right > 0.8
    assert 1.0 < found.latency_s < 2.0
    assert course(THREE, outlook=PROVED, p_misjudged=0.1).p_right < found.p_right


P = st.floats(0.0, 1.0)


@given(st.lists(P, min_size=2, max_size=4), P, st.booleans())
def test_probabilities_whatever_is_believed(ps, p_comparable, is_provable):
    members = [scored(f"m{i}", p=p) for i, p in enumerate(sorted(ps, reverse=True))]
    found = course(members, Outlook(is_provable=is_provable, p_comparable=p_comparable))
    assert -1e-9 <= found.p_right <= 1.0 + 1e-9
    assert found.latency_s == pytest.approx(1.0)
