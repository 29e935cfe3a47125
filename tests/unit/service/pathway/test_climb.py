"""What becomes of a task on its way up a ladder."""

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.pathway.climb import Climb
from modelnet.service.pathway.confidence import DEFAULT
from modelnet.service.pathway.ladder import after
from modelnet.service.pathway.outlook import PROSE, Outlook
from modelnet.service.pathway.prospect import World
from modelnet.service.preference import BALANCED
from tests.unit.service.pathway.candidates import scored

SMALL = scored("small", p=0.8, latency_s=0.1, cost_usd=0.0001)
MIDDLE = scored("middle", p=0.85, latency_s=0.2, cost_usd=0.0002)
LARGE = scored("large", p=0.97, latency_s=1.0, cost_usd=0.02)
PROVED = Outlook(is_provable=True)
SHORT = Outlook(p_comparable=1.0)


def course(*rungs, outlook=SHORT, **world):
    climb = Climb.of(rungs, BALANCED, outlook)
    told = {"p": tuple(r.quality.mean for r in rungs), "calibration": DEFAULT, **world}
    return climb.course(World(p_comparable=outlook.p_comparable, **told))


def test_what_is_proved_stops_it_and_what_is_refuted_does_not():
    found = course(SMALL, LARGE, outlook=PROVED)
    assert found.asked == pytest.approx((1.0, 0.2))
    assert found.p_right > 0.97
    assert found.latency_s == pytest.approx(0.1 + 0.2 * 1.0)
    assert found.silent_s == pytest.approx(0.1)


def test_a_program_that_errs_costs_answers():
    sure = course(SMALL, LARGE, outlook=PROVED)
    unsure = course(SMALL, LARGE, outlook=PROVED, p_misjudged=0.5)
    assert unsure.p_right < sure.p_right - 0.05


def test_prose_climbs_to_the_top_in_vain():
    found = course(SMALL, MIDDLE, LARGE, outlook=PROSE)
    assert found.asked == (1.0, 1.0, 1.0)
    assert found.p_right == pytest.approx(0.97)


def test_where_two_agree_it_stops():
    found = course(SMALL, MIDDLE, LARGE)
    assert found.asked[:2] == pytest.approx((1.0, 1.0))
    assert 0.1 < found.asked[2] < 0.5
    assert 0.9 < found.p_right < 0.97


def test_who_copies_the_mistakes_of_another_does_harm():
    copied = replace(DEFAULT, p_same_mistake=1.0, shared_difficulty=1.0)
    assert course(SMALL, MIDDLE, LARGE, calibration=copied).p_right < (
        course(SMALL, MIDDLE, LARGE).p_right - 0.05
    )


def test_it_foretells_what_happens_where_the_world_is_as_it_thinks():
    """Draw answers from the very chain, and climb by hand."""
    rng = random.Random(1)
    n, told, asked_last = 20_000, 0, 0
    stop = Climb.of((SMALL, MIDDLE, LARGE), BALANCED, SHORT).stops
    assert [one.anyway for one in stop] == [False, False]
    assert [one.agreed for one in stop][1]
    for _ in range(n):
        first = rng.random() < 0.8
        second = rng.random() < after(0.85, 0.8)[not first]
        is_same = first == second and (first or rng.random() < DEFAULT.p_same_mistake)
        if is_same:
            told += second
            continue
        asked_last += 1
        told += rng.random() < after(0.97, 0.85)[not second]
    found = course(SMALL, MIDDLE, LARGE)
    assert found.p_right == pytest.approx(told / n, abs=0.01)
    assert found.asked[2] == pytest.approx(asked_last / n, abs=0.01)


P = st.floats(0.0, 1.0)


@given(st.lists(P, min_size=1, max_size=4), P, P, st.booleans())
def test_probabilities_whatever_is_believed(ps, p_comparable, p_misjudged, is_provable):
    rungs = [scored(f"m{i}", p=p, cost_usd=0.001 * i) for i, p in enumerate(ps)]
    outlook = Outlook(is_provable=is_provable, p_comparable=p_comparable)
    found = course(*rungs, outlook=outlook, p_misjudged=p_misjudged)
    assert -1e-9 <= found.p_right <= 1.0 + 1e-9
    assert found.asked[0] == pytest.approx(1.0)
    assert all(-1e-9 <= later <= one + 1e-9 for one, later in itertools.pairwise(found.asked))
    assert found.silent_s <= found.latency_s + 1e-9
