"""Both ends of a streamed reply: nothing lost, doubled, added, changed or ahead of its credit."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import MalformedError, PeerLostError, SignatureError
from modelnet.core.sealed import Opened
from modelnet.transport import stream
from modelnet.transport.frame import Data, Summary, encode
from modelnet.transport.stream import MIN_COST, Digest, Inflow, Outflow, cost_of

ID, PEER = "a" * 32, "did:key:peer"


def opened(summary, *, sender=PEER, id=ID):
    return Opened(id=id, sender=sender, sent_at=0.0, deadline=0.0, body=encode(summary))


def flow(pieces, *, credit=10**9):
    out = Outflow(ID, credit)
    for piece in pieces:
        out.push(piece)
    return out


def read(inflow):
    pieces = []
    while (piece := inflow.pop()) is not None:
        pieces.append(piece)
    return pieces


pieces_lists = st.lists(st.binary(max_size=40), max_size=20)


@given(st.lists(pieces_lists, max_size=6))
def test_what_is_pushed_is_read_in_order_however_it_is_framed(batches):
    out, inflow = Outflow(ID, 10**9), Inflow(ID, PEER)
    for batch in batches:
        for piece in batch:
            out.push(piece)
        frame = out.take()
        assert (frame is None) == (not batch)
        if frame is not None:
            inflow.data(frame)
    inflow.end(opened(out.summary()))
    assert read(inflow) == [piece for batch in batches for piece in batch]


@given(pieces_lists.filter(bool), st.data())
def test_any_change_to_a_piece_is_noticed_at_the_end(pieces, data):
    out, inflow = flow(pieces), Inflow(ID, PEER)
    frame = out.take()
    index = data.draw(st.integers(0, len(pieces) - 1))
    changed = data.draw(st.binary(max_size=40).filter(lambda piece: piece != pieces[index]))
    inflow.data(Data(ID, 0, (*frame.pieces[:index], changed, *frame.pieces[index + 1 :])))
    with pytest.raises(MalformedError, match="changed on its way"):
        inflow.end(opened(out.summary()))


def test_a_moved_boundary_is_noticed():
    out, inflow = flow([b"ab", b"c"]), Inflow(ID, PEER)
    out.take()
    inflow.data(Data(ID, 0, (b"a", b"bc")))
    with pytest.raises(MalformedError, match="changed on its way"):
        inflow.end(opened(out.summary()))


def test_the_digest_is_that_of_the_protocol_document():
    digest = Digest()
    for piece in (b"ab", b""):
        digest.add(piece)
    plain = (2).to_bytes(8, "big") + b"ab" + (0).to_bytes(8, "big")
    assert digest.value() == hashlib.sha256(plain).digest()


class TestWhatIsRefused:
    def test_a_gap(self):
        inflow = Inflow(ID, PEER)
        with pytest.raises(PeerLostError, match="lost 3 pieces"):
            inflow.data(Data(ID, 3, (b"x",)))

    def test_a_repeat(self):
        inflow = Inflow(ID, PEER)
        inflow.data(Data(ID, 0, (b"x", b"y")))
        with pytest.raises(MalformedError, match="do not belong"):
            inflow.data(Data(ID, 1, (b"y",)))

    def test_pieces_after_the_end(self):
        inflow = Inflow(ID, PEER)
        inflow.end(opened(flow([]).summary()))
        with pytest.raises(MalformedError, match="after the end"):
            inflow.data(Data(ID, 0, (b"x",)))

    def test_a_second_end(self):
        inflow = Inflow(ID, PEER)
        inflow.end(opened(flow([]).summary()))
        with pytest.raises(MalformedError, match="twice"):
            inflow.end(opened(flow([]).summary()))

    def test_an_end_that_counts_more_than_came(self):
        with pytest.raises(PeerLostError, match="lost 2 pieces"):
            Inflow(ID, PEER).end(opened(Summary(2, b"")))

    def test_an_end_that_counts_less_than_came(self):
        inflow = Inflow(ID, PEER)
        inflow.data(Data(ID, 0, (b"x",)))
        with pytest.raises(MalformedError, match="do not belong"):
            inflow.end(opened(Summary(0, b"")))

    def test_an_end_that_is_not_a_summary(self):
        broken = Opened(id=ID, sender=PEER, sent_at=0.0, deadline=0.0, body=b"\xc1")
        with pytest.raises(MalformedError, match="does not decode"):
            Inflow(ID, PEER).end(broken)

    @pytest.mark.parametrize("claim", [{"sender": "did:key:other"}, {"id": "b" * 32}])
    def test_an_end_of_another_node_or_request(self, claim):
        inflow = Inflow(ID, PEER)
        with pytest.raises(SignatureError):
            inflow.end(opened(flow([]).summary(), **claim))
        inflow.end(opened(flow([]).summary()))

    def test_more_than_the_credit(self):
        inflow = Inflow(ID, PEER, window=2 * MIN_COST)
        inflow.data(Data(ID, 0, (b"x", b"y")))
        with pytest.raises(MalformedError, match="credit"):
            inflow.data(Data(ID, 2, (b"z",)))

    def test_a_piece_that_is_too_large(self, monkeypatch):
        monkeypatch.setattr(stream, "MAX_PIECE_BYTES", 10)
        with pytest.raises(MalformedError, match="too large"):
            Inflow(ID, PEER).data(Data(ID, 0, (bytes(11),)))


class TestCredit:
    def test_a_piece_costs_its_size_but_not_little(self):
        assert cost_of(b"") == MIN_COST
        assert cost_of(bytes(MIN_COST + 1)) == MIN_COST + 1

    def test_credit_runs_out_and_grows_again(self):
        out = Outflow(ID, 2 * MIN_COST)
        assert out.has_credit
        out.push(b"")
        out.push(bytes(10 * MIN_COST))
        assert not out.has_credit
        out.grant(11 * MIN_COST)
        assert not out.has_credit
        out.grant(11 * MIN_COST + 1)
        assert out.has_credit

    def test_what_was_sent_is_unread_until_credit_tells_otherwise(self):
        out = Outflow(ID, 2 * MIN_COST)
        out.push(b"four")
        out.push(bytes(2 * MIN_COST))
        assert out.unread_bytes == 4 + 2 * MIN_COST
        out.grant(3 * MIN_COST)
        assert out.unread_bytes == 2 * MIN_COST
        out.grant(5 * MIN_COST)
        assert out.unread_bytes == 0

    def test_an_old_grant_takes_nothing_back(self):
        out = Outflow(ID, 4 * MIN_COST)
        out.grant(0)
        assert out.has_credit

    @given(st.lists(st.integers(0, 3 * MIN_COST), max_size=200), st.data())
    def test_a_reader_of_any_pace_gets_all_and_holds_at_most_a_window(self, sizes, data):
        window = 8 * MIN_COST
        out, inflow = Outflow(ID, window), Inflow(ID, PEER, window=window)
        unsent, got, held = [bytes(size) for size in sizes], [], 0
        while len(got) < len(sizes):
            while unsent and out.has_credit:
                held += cost_of(unsent[0])
                out.push(unsent.pop(0))
            if (frame := out.take()) is not None:
                inflow.data(frame)
            assert held <= window + 3 * MIN_COST
            for _ in range(data.draw(st.integers(1, 5))):
                if (piece := inflow.pop()) is not None:
                    got.append(piece)
                    held -= cost_of(piece)
                    if (credit := inflow.credit()) is not None:
                        out.grant(credit.limit)
        inflow.end(opened(out.summary()))
        assert [len(piece) for piece in got] == sizes

    def test_no_credit_is_given_once_all_has_come(self):
        out, inflow = flow([b""] * 300), Inflow(ID, PEER, window=300 * MIN_COST)
        inflow.data(out.take())
        inflow.end(opened(out.summary()))
        read(inflow)
        assert inflow.credit() is None
