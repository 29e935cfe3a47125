"""Whom a cascade asks after whom, and when it stops."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.pathway.confidence import DEFAULT
from modelnet.service.pathway.ladder import MOST_RUNGS, enough, ladder, mends, price
from modelnet.service.preference import BALANCED, PREFERENCES
from tests.unit.service.pathway.candidates import scored

SMALL = scored("small", p=0.6, latency_s=0.1, cost_usd=0.0001)
MIDDLE = scored("middle", p=0.75, latency_s=0.3, cost_usd=0.002)
LARGE = scored("large", p=0.95, latency_s=1.0, cost_usd=0.03)


def names(rungs) -> list[str]:
    return [rung.candidate.card.name for rung in rungs]


def test_cheapest_first():
    assert names(ladder([LARGE, MIDDLE, SMALL], BALANCED)) == ["small", "middle", "large"]


def test_who_is_no_better_than_a_cheaper_one_is_not_asked():
    worse = scored("worse", p=0.6, cost_usd=0.01)
    assert names(ladder([SMALL, worse, LARGE], BALANCED)) == ["small", "large"]


def test_who_costs_more_than_it_mends_is_not_asked():
    dear = scored("dear", p=0.97, cost_usd=1.0)
    assert names(ladder([SMALL, dear], BALANCED)) == ["small"]
    assert names(ladder([SMALL, dear], PREFERENCES["auto:best"])) == ["small", "dear"]


def test_who_seldom_saves_what_it_costs_is_left_out():
    weak = scored("weak", p=0.05, latency_s=0.9)
    assert names(ladder([weak, LARGE], BALANCED)) == ["large"]


def test_a_name_is_asked_once():
    replica = scored("small", "elsewhere", p=0.9, cost_usd=0.01)
    assert ladder([SMALL, replica], BALANCED) == (SMALL,)


def test_somebody_is_always_asked_first_and_nobody_in_vain_later():
    hopeless = scored("hopeless", p=0.0, cost_usd=9.0)
    assert ladder([hopeless], BALANCED) == (hopeless,)
    assert ladder([hopeless], BALANCED, p_asked=0.5) == ()
    assert ladder([], BALANCED) == ()


def test_it_stops_sooner_the_dearer_the_next_is():
    sooner = enough(LARGE, BALANCED, p_asked=0.6)
    later = enough(MIDDLE, BALANCED, p_asked=0.6)
    assert 0.5 < sooner < later < 1.0
    assert enough(LARGE, PREFERENCES["auto:best"], p_asked=0.6) > sooner
    assert enough(LARGE, PREFERENCES["auto:cheap"], p_asked=0.6) == 0.0
    assert enough(scored(p=0.0), BALANCED, p_asked=0.6) == 0.0


def test_what_the_next_mends_lies_between_the_extremes():
    assert mends(0.9, 0.0) == pytest.approx(0.9)
    assert 0.8 < mends(0.9, 0.5) < 0.9
    assert mends(0.9, 1.0) == pytest.approx(0.9 * (1.0 - DEFAULT.shared_difficulty))


P = st.floats(0.0, 1.0)
CANDIDATE = st.builds(
    lambda name, p, s, usd: scored(name, p=p, latency_s=s, cost_usd=usd),
    st.sampled_from("abcdefghij"),
    P,
    st.none() | st.floats(0.0, 60.0),
    st.floats(0.0, 1.0),
)


@given(st.lists(CANDIDATE, max_size=12), st.sampled_from(sorted(PREFERENCES)), P)
def test_rungs_rise_in_price_and_in_probability(ranked, preference, p_asked):
    weighs = PREFERENCES[preference]
    rungs = ladder(ranked, weighs, p_asked=p_asked)
    assert len(rungs) <= MOST_RUNGS
    prices, ps = [price(r, weighs) for r in rungs], [r.quality.mean for r in rungs]
    assert prices == sorted(prices)
    assert all(b > a for a, b in itertools.pairwise(ps))
    assert len(set(names(rungs))) == len(rungs)
    assert all(0.0 <= enough(r, weighs, p_asked=p_asked) <= 1.0 for r in rungs)
