"""Whose weights count before whose."""

from modelnet.core.wish import NO_WISH, Weights, Wish
from modelnet.service.preference import BALANCED, PREFERENCES, Preference
from modelnet.service.terms import FREE, Terms

CHEAP = PREFERENCES["auto:cheap"]


def test_without_a_wish_a_name_counts():
    assert FREE.preference(CHEAP) == CHEAP
    assert FREE.preference(BALANCED) == BALANCED


def test_the_asker_counts_before_the_name():
    terms = Terms.of(Wish(weights=Weights(second=1.0)))
    assert terms.preference(CHEAP) == Preference(1.0, CHEAP.p_per_dollar)


def test_the_node_counts_where_neither_asker_nor_name_says_anything():
    terms = Terms.of(Wish(weights=Weights(second=1.0)), Wish(weights=Weights(second=9, dollar=9)))
    assert terms.preference(BALANCED) == Preference(1.0, 9)
    assert terms.preference(CHEAP) == Preference(1.0, CHEAP.p_per_dollar)


def test_limits_of_the_node_hold_until_the_asker_says_otherwise():
    usual = Wish(max_cost_usd=0.01, min_quality=0.5)
    assert Terms.of(NO_WISH, usual).limits.max_cost_usd == 0.01
    limits = Terms.of(Wish(max_cost_usd=1.0), usual).limits
    assert (limits.max_cost_usd, limits.min_quality) == (1.0, 0.5)
