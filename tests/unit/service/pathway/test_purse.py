"""What a call comes to, and how long an answer the rest pays for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Price
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import EngineError, OverloadedError
from modelnet.core.request import Chat, Embed, Message, Sampling
from modelnet.service.pathway.purse import Bill, Purse, shortened
from tests.unit.service.pathway.candidates import scored

PRICE = Price(1.0, 2.0)
PAID = scored("paid", cost_usd=0.001, price=PRICE)
FREE = scored("free", cost_usd=0.5)
UNKNOWN = scored("unknown", cost_usd=0.5, is_metered=True)
CHAT = Chat((Message("user", "hi"),))


def test_a_purse_is_never_less_than_empty():
    purse = Purse(0.01)
    purse.spend(0.004)
    assert purse.left_usd == pytest.approx(0.006)
    purse.spend(1.0)
    assert purse.left_usd == 0.0
    bottomless = Purse()
    bottomless.spend(1.0)
    assert (bottomless.left_usd, bottomless.spent_usd) == (math.inf, 1.0)


def test_a_bill_reckons_with_the_estimate_until_it_is_told_what_was_read():
    bill = Bill(PAID, 30)
    bill.note(5, Chunk("x"))
    assert bill.total_usd(EngineError("died")) == pytest.approx((30 + 2 * 5) / 1e6)
    bill.note(6, Chunk(finish="stop", usage=Usage(31, 6)))
    assert bill.total_usd() == pytest.approx((31 + 2 * 6) / 1e6)


def test_thoughts_that_are_not_shown_are_charged():
    bill = Bill(PAID, 30)
    bill.note(1, Chunk(finish="stop", usage=Usage(30, 500)))
    assert bill.total_usd() == pytest.approx((30 + 2 * 500) / 1e6)


def test_what_was_said_before_is_read_and_not_said_again():
    bill = Bill(PAID, 30, begun_tokens=100)
    bill.note(103, Chunk(finish="stop", usage=Usage(30, 103)))
    assert bill.total_usd() == pytest.approx((130 + 2 * 3) / 1e6)


def test_who_refused_is_not_paid_and_who_was_left_is_paid_in_full():
    assert Bill(PAID, 30).total_usd(OverloadedError("busy")) == 0.0
    assert Bill(PAID, 30).total_usd(EngineError("died")) > 0.0
    assert Bill(PAID, 30).total_usd() == 0.001
    assert Bill(UNKNOWN, 30).total_usd() == 0.0
    assert Bill(FREE, 30).total_usd() == 0.0


def test_so_long_an_answer_is_paid_for():
    assert Bill(PAID, 30).affordable_tokens(30e-6) == 0
    assert Bill(PAID, 30).affordable_tokens(29e-6) == 0
    assert Bill(PAID, 30).affordable_tokens(40e-6) == 5
    assert Bill(PAID, 30, begun_tokens=4).affordable_tokens(40e-6) == 3
    assert Bill(PAID, 30).affordable_tokens(math.inf) is None
    assert Bill(FREE, 30).affordable_tokens(0.0) is None
    reader = scored("reader", cost_usd=0.001, price=Price(1.0, 0.0))
    assert Bill(reader, 30).affordable_tokens(1.0) is None
    assert Bill(reader, 30).affordable_tokens(1e-6) == 0


def test_a_request_is_shortened_and_never_lengthened():
    assert shortened(CHAT, None) is CHAT
    assert shortened(CHAT, 7).sampling.max_tokens == 7
    brief = Chat(CHAT.messages, Sampling(max_tokens=3))
    assert shortened(brief, 7) is brief
    assert shortened(brief, 2).sampling.max_tokens == 2
    embed = Embed(("a",))
    assert shortened(embed, 7) is embed


@given(
    st.integers(1, 10_000),
    st.integers(0, 1000),
    st.floats(0, 1),
    st.builds(Price, st.floats(0.001, 100), st.floats(0.001, 100)),
)
def test_an_affordable_answer_costs_no_more_than_there_is(prompt, begun, usd, price):
    bill = Bill(scored(price=price), prompt, begun)
    tokens = bill.affordable_tokens(usd)
    assert tokens is not None
    if tokens:
        bill.note(begun + tokens, Chunk("x", finish="length"))
        assert bill.total_usd() <= usd * (1 + 1e-9)
