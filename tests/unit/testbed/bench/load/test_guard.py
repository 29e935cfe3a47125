"""Messages of a simulation: unsigned, but for one recipient and of one kind."""

import pytest

from modelnet.core.error import MalformedError, RecipientError
from modelnet.core.identity import NodeId, new_request_id
from modelnet.testbed.bench.load.guard import UnsignedGuard

ALICE, BOB, CAROL = (UnsignedGuard(NodeId(n), lambda: 7.0) for n in ("alice", "bob", "carol"))


def test_what_is_sealed_opens():
    request = new_request_id()
    opened = BOB.open("ask", ALICE.seal("ask", b"hi", to=BOB.node, id=request, deadline=9.0))
    assert (opened.sender, opened.id, opened.body) == (ALICE.node, request, b"hi")
    assert (opened.sent_at, opened.deadline) == (7.0, 9.0)


def test_it_is_for_nobody_else_and_nothing_else():
    sealed = ALICE.seal("ask", b"hi", to=BOB.node, id=new_request_id(), deadline=9.0)
    with pytest.raises(RecipientError):
        CAROL.open("ask", sealed)
    with pytest.raises(MalformedError):
        BOB.open("end", sealed)
    with pytest.raises(MalformedError):
        BOB.open("ask", b"garbage")
