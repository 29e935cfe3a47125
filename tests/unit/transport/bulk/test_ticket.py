"""Tickets: good once, for a short time, and no way into another machine's ports."""

import pytest

from modelnet.transport.bulk.ticket import (
    GOOD_FOR_S,
    MAX_OPEN,
    Place,
    Tickets,
    greeting,
    hosts_of,
    is_to_be_tried,
)

SECRET = b"s" * 32


def test_a_ticket_is_good_once():
    tickets: Tickets[str] = Tickets()
    tickets.issue("file", SECRET, 0.0)
    assert tickets.redeem(SECRET, 1.0) is None
    assert tickets.redeem(greeting(SECRET), 1.0) == "file"
    assert tickets.redeem(greeting(SECRET), 1.0) is None


def test_a_ticket_is_good_for_a_short_time():
    tickets: Tickets[str] = Tickets()
    tickets.issue("file", SECRET, 0.0)
    assert tickets.redeem(greeting(SECRET), GOOD_FOR_S) is None


def test_a_hoard_of_tickets_loses_its_oldest():
    tickets: Tickets[int] = Tickets()
    for number in range(MAX_OPEN + 1):
        tickets.issue(number, number.to_bytes(32, "big"), 0.0)
    assert tickets.redeem(greeting(bytes(32)), 1.0) is None
    assert tickets.redeem(greeting(MAX_OPEN.to_bytes(32, "big")), 1.0) == MAX_OPEN


def test_only_nodes_in_the_open_have_hosts():
    assert hosts_of(("tcp/127.0.0.1:1", "tcp/127.0.0.1:2", "tcp/[::1]:3")) == ("127.0.0.1", "::1")
    assert hosts_of(("tls/10.0.0.1:1", "memory/did:key", "tcp/a.example:1", "")) == ()


@pytest.mark.parametrize(
    ("place", "own", "is_good"),
    [
        (Place("127.0.0.1", 80), ("127.0.0.1",), True),
        (Place("::1", 80), ("127.0.0.1",), True),
        (Place("192.0.2.7", 80), ("192.0.2.1",), True),
        (Place("192.0.2.7", 80), (), True),
        # A node elsewhere names a port of this machine, or of one that only this machine reaches.
        (Place("127.0.0.1", 80), ("192.0.2.1",), False),
        (Place("127.0.0.1", 80), (), False),
        (Place("192.0.2.7", 80), ("127.0.0.1",), False),
        (Place("0.0.0.0", 80), ("192.0.2.1",), False),
        (Place("239.0.0.1", 80), ("192.0.2.1",), False),
        (Place("localhost", 80), ("127.0.0.1",), False),
        (Place("127.0.0.1", 0), ("127.0.0.1",), False),
        (Place("127.0.0.1", 1 << 16), ("127.0.0.1",), False),
    ],
)
def test_where_a_node_connects(place, own, is_good):
    assert is_to_be_tried(place, own) is is_good
