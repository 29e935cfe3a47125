"""Who keeps to hard limits, and what is told when nobody does."""

import math

from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Price
from modelnet.core.wish import NO_WISH, Wish
from modelnet.service.limit import keep, nobody_keeps
from modelnet.service.pathway.purse import Purse
from tests.unit.service.pathway.candidates import scored

CARDED = Price(1.0, 1.0)
DEAR = scored("dear", p=0.9, latency_s=0.1, cost_usd=0.004, price=CARDED)
SLOW = scored("slow", p=0.8, latency_s=5.0)
WEAK = scored("weak", p=0.3, latency_s=0.1)
UNTIMED = scored("untimed", p=0.8, latency_s=None)
UNPRICED = scored("unpriced", p=0.9, latency_s=0.1, cost_usd=0.001, is_metered=True)
ALL = [DEAR, UNTIMED, SLOW, UNPRICED, WEAK]


def kept(limits: Wish, left_usd: float | None = None, operation="chat") -> list[str]:
    left = limits.max_cost_usd if left_usd is None else left_usd
    within = keep(ALL, limits, math.inf if left is None else left, operation).within
    return [one.candidate.card.name for one in within]


def test_without_limits_a_ranking_stays_as_it_is():
    assert keep(ALL, NO_WISH, math.inf) == (tuple(ALL), ())


def test_who_is_free_costs_nothing_whatever_work_it_takes():
    hard_work = scored("large", cost_usd=0.5)
    assert keep([hard_work], Wish(max_cost_usd=0.0), 0.0).within == (hard_work,)


def test_cost_excludes_who_is_too_dear_or_tells_no_price():
    assert kept(Wish(max_cost_usd=0.003)) == ["untimed", "slow", "weak"]
    assert kept(Wish(max_cost_usd=0.004)) == ["dear", "untimed", "slow", "weak"]
    assert "dear" not in kept(Wish(max_cost_usd=0.004), left_usd=0.0039)


def test_time_is_the_95th_percentile_and_who_was_never_timed_comes_last():
    assert kept(Wish(max_latency_s=1.0)) == ["dear", "unpriced", "weak", "untimed"]
    p95 = SLOW.latency.p95
    assert p95 > 5.0
    assert "slow" not in kept(Wish(max_latency_s=5.0))
    assert "slow" in kept(Wish(max_latency_s=p95))


def test_quality_is_the_mean_of_what_is_believed_of_text():
    assert kept(Wish(min_quality=0.8)) == ["dear", "untimed", "slow", "unpriced"]
    assert "weak" in kept(Wish(min_quality=0.8), operation="embed")


def test_vectors_are_not_mixed_for_the_sake_of_time():
    assert kept(Wish(max_latency_s=10.0), operation="embed")[1] == "untimed"


def test_the_error_says_who_is_excluded_by_what_and_what_is_nearest():
    limits = Wish(max_cost_usd=0.001, max_latency_s=1.0, min_quality=0.5)
    cut = keep([DEAR, SLOW, WEAK], limits, 0.001)
    assert not cut.within
    error = nobody_keeps(cut.excluded, limits, Purse(0.001))
    assert error.param == "modelnet.max_cost_usd"
    for said in (
        "`max_cost_usd` of 0.001 excludes dear: the cheapest able model, dear, may cost $0.004",
        "`max_latency_s` of 1 excludes slow: the quickest, slow, takes up to 8.2 s",
        "`min_quality` of 0.5 excludes weak: the best, weak, is right with 0.3",
    ):
        assert said in error.message


def test_the_nearest_breaks_no_other_limit_where_there_is_such_a_one():
    cheap_but_weak = scored("weak", p=0.1, cost_usd=0.001, price=CARDED)
    limits = Wish(max_cost_usd=0.0, min_quality=0.5)
    excluded = keep([cheap_but_weak, DEAR], limits, 0.0).excluded
    assert "model, dear, may cost $0.004" in nobody_keeps(excluded, limits, Purse(0.0)).message


def test_the_error_says_what_was_spent_before():
    purse = Purse(0.005)
    purse.spend(0.003)
    limits = Wish(max_cost_usd=0.005)
    error = nobody_keeps(keep([DEAR], limits, purse.left_usd).excluded, limits, purse)
    assert "`max_cost_usd` of 0.005, of which 0.003 is spent, excludes dear" in error.message


def test_a_crowd_is_not_listed():
    crowd = [scored(f"m{n}", cost_usd=1.0, price=CARDED) for n in range(9)]
    limits = Wish(max_cost_usd=0.0)
    error = nobody_keeps(keep(crowd, limits, 0.0).excluded, limits, Purse(0.0))
    assert "excludes m0, m1, m2, m3 and 5 more:" in error.message


def test_an_excluded_one_is_told_with_every_limit_it_breaks():
    limits = Wish(max_cost_usd=0.0, min_quality=0.95)
    (excluded,) = keep([DEAR], limits, 0.0).excluded
    assert excluded.why == "may cost $0.004 (max_cost_usd) and is right with 0.9 (min_quality)"
    (unpriced,) = keep([UNPRICED], Wish(max_cost_usd=9.0), 9.0).excluded
    assert unpriced.why == "does not tell its price (max_cost_usd)"


NUMBER = st.one_of(st.none(), st.floats(0.001, 10.0))


@given(
    st.lists(
        st.builds(
            scored,
            st.sampled_from("abc"),
            p=st.floats(0, 1),
            latency_s=NUMBER,
            cost_usd=st.floats(0, 1),
            price=st.sampled_from([Price(), CARDED]),
            is_metered=st.booleans(),
        ),
        max_size=6,
    ),
    st.builds(
        Wish,
        max_cost_usd=NUMBER,
        max_latency_s=NUMBER,
        min_quality=st.one_of(st.none(), st.floats(0, 1)),
    ),
)
def test_everybody_is_either_kept_or_excluded_with_a_reason(ranked, limits):
    left = math.inf if limits.max_cost_usd is None else limits.max_cost_usd
    within, excluded = keep(ranked, limits, left)
    assert len(within) + len(excluded) == len(ranked)
    assert all(one.limits and one.why for one in excluded)
    if excluded:
        assert nobody_keeps(excluded, limits, Purse(limits.max_cost_usd)).message
