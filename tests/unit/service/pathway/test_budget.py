"""Several models for one answer, on a budget."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Price
from modelnet.service.pathway.budget import affordable, reserve_usd, share_usd
from tests.unit.service.pathway.candidates import scored

PRICE = Price(1.0, 1.0)


def paid(name: str, usd: float):
    return scored(name, cost_usd=usd, price=PRICE)


A, B, C, D = paid("a", 0.008), paid("b", 0.004), paid("c", 0.001), paid("d", 0.0005)
FREE = scored("free", cost_usd=5.0)


def first_three(ranked):
    return tuple(ranked[:3])


def test_all_run_where_there_is_money_for_all():
    assert affordable([A, B, C], first_three, math.inf, chief="first") == (A, B, C)
    assert affordable([A, B, C], first_three, 0.0131, chief="first") == (A, B, C)


def test_the_dearest_beside_the_chief_makes_way_for_the_next():
    assert affordable([A, B, C, D], first_three, 0.0129, chief="first") == (A, C, D)
    assert affordable([C, B, A], first_three, 0.0129, chief="last") == (C, A)


def test_at_last_the_chief_is_alone():
    assert affordable([A, B, C], first_three, 0.0081, chief="first") == (A,)
    assert affordable([A, B, FREE], first_three, 0.0081, chief="first") == (A, FREE)
    assert affordable([], first_three, 0.0, chief="first") == ()


def test_those_asked_at_once_share_all_that_is_left():
    shares = [share_usd(one, (A, B, FREE), 0.018) for one in (A, B, FREE)]
    assert shares == pytest.approx([0.012, 0.006, 0.0])
    assert share_usd(A, (A, B), math.inf) == math.inf
    assert share_usd(FREE, (FREE,), 0.5) == 0.5


def test_who_is_asked_first_leaves_the_later_their_money():
    assert reserve_usd((A, FREE), 0.01) == pytest.approx(0.002)
    assert reserve_usd((A, B), 0.01) == 0.0
    assert reserve_usd((), math.inf) == math.inf


@given(st.lists(st.floats(0.0001, 1.0), max_size=7), st.floats(0.0001, 3.0))
def test_whatever_is_left_members_never_cost_more_but_for_the_chief_alone(prices, left):
    ranked = [paid(str(n), usd) for n, usd in enumerate(prices)]
    members = affordable(ranked, first_three, left, chief="first")
    assert members[:1] == tuple(ranked[:1])
    if len(members) > 1:
        assert math.fsum(one.charge_usd for one in members) <= left
        assert sum(share_usd(one, members, left) for one in members) <= left * (1 + 1e-9)
