"""Which piece is asked of whom: everything comes, once where possible, whoever fails."""

from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.identity import NodeId
from modelnet.resource.copy.download import FIRST_SPAN, LARGEST_SPAN, LATE_S, Download, Span

A, B, C = (NodeId(name) for name in "abc")


def joined(count: int, *peers: NodeId, here=()) -> Download:
    download = Download(count, here)
    for peer in peers:
        download.join(peer)
    return download


def asked(download: Download, peer: NodeId, now: float = 0.0) -> Span:
    span = download.ask(peer, now)
    assert span is not None
    return span


def test_two_peers_are_asked_for_different_pieces():
    download = joined(100, A, B)
    assert asked(download, A) == Span(0, FIRST_SPAN)
    assert asked(download, B) == Span(FIRST_SPAN, FIRST_SPAN)


def test_what_is_here_already_is_not_asked_for():
    download = joined(8, A, here=[0, 1, 4])
    assert download.here == 3
    assert asked(download, A) == Span(2, 2)


def test_a_fast_peer_is_asked_for_more_than_a_slow_one():
    download = joined(1000, A, B)
    for peer, took_s in ((A, 0.01), (B, 2.0)):
        span = asked(download, peer, 0.0)
        download.land(peer, span.pieces, took_s)
    assert asked(download, A, 2.0).count == LARGEST_SPAN
    assert asked(download, B, 2.0).count == 1


def test_towards_the_end_the_rest_is_shared():
    download = joined(6, A, B)
    assert asked(download, A) == Span(0, 3)
    assert asked(download, B).first == 3


def test_what_a_peer_did_not_send_is_asked_of_others():
    download = joined(8, A, B)
    assert asked(download, A).pieces == range(4)
    download.land(A, [0], 0.1)
    assert asked(download, B, 0.2).first == 1


def test_what_a_peer_owes_that_left_is_asked_of_others():
    download = joined(4, A, B)
    asked(download, A)
    download.leave(A)
    assert asked(download, B).first == 0
    assert download.peers == 1


def test_only_a_late_peer_s_pieces_are_asked_for_twice():
    download = joined(2, A, B)
    assert asked(download, A) == Span(0, 1)
    assert asked(download, B) == Span(1, 1)
    download.land(B, [1], 0.1)
    assert download.ask(B, LATE_S / 2) is None
    assert download.ask(B, LATE_S * 1.1) == Span(0, 1)


def test_a_piece_is_asked_of_two_at_most():
    download = joined(1, A, B, C)
    asked(download, A)
    assert asked(download, B, 2 * LATE_S) == Span(0, 1)
    assert download.ask(C, 10 * LATE_S) is None


def test_whoever_sends_first_has_sent_it():
    download = joined(1, A, B)
    asked(download, A)
    asked(download, B, 2 * LATE_S)
    download.land(B, [0], 2.1 * LATE_S)
    assert download.is_complete
    download.land(A, [0], 3 * LATE_S)
    assert (download.here, download.is_complete) == (1, True)


def test_a_peer_that_left_may_still_land_what_it_had_sent():
    download = joined(1, A)
    asked(download, A)
    download.leave(A)
    download.land(A, [0], 1.0)
    assert download.is_complete


moves = st.lists(
    st.tuples(
        st.sampled_from([A, B, C]),
        st.sampled_from(["ask", "land", "part", "leave"]),
        st.floats(0.001, 3.0),
    ),
    max_size=120,
)


@given(count=st.integers(1, 60), moves=moves)
def test_whatever_happens_nothing_is_lost(count, moves):
    """Peers come, fail, send parts and leave in any order; then one does all that is left."""
    download = Download(count)
    open_spans: dict[NodeId, Span] = {}
    landed: set[int] = set()
    now = 0.0
    for peer, move, took_s in moves:
        now += took_s
        if move == "leave":
            download.leave(peer)
            open_spans.pop(peer, None)
        elif move == "ask" and peer not in open_spans:
            download.join(peer)
            if (span := download.ask(peer, now)) is not None:
                assert 1 <= span.count <= LARGEST_SPAN
                assert not landed & set(span.pieces)
                open_spans[peer] = span
        elif peer in open_spans and move in ("land", "part"):
            span = open_spans.pop(peer)
            pieces = list(span.pieces)[: None if move == "land" else span.count // 2]
            landed |= set(pieces)
            download.land(peer, pieces, now)
    assert download.here == len(landed)
    for peer in (A, B, C):
        download.leave(peer)
    download.join(A)
    while not download.is_complete:
        download.land(A, asked(download, A, now).pieces, now + 0.1)
    assert download.here == count
