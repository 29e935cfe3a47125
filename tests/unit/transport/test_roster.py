"""Who is here: events in order, restarts seen, old news ignored, backlogs bounded."""

from hypothesis import given
from hypothesis import strategies as st

from modelnet.transport import roster as module
from modelnet.transport.network import PeerAnnounced, PeerJoined, PeerLeft
from modelnet.transport.roster import Backlog, Roster, Told


def told(text, at=1.0):
    return Told(at, text)


def test_arrival_and_departure():
    roster = Roster()
    assert roster.arrive("a", "1") == [PeerJoined("a")]
    assert roster.arrive("a", "1") == []
    assert "a" in roster
    assert roster.depart("a", "1") == [PeerLeft("a")]
    assert roster.depart("a", "1") == []
    assert "a" not in roster
    assert roster.nodes == ()


def test_a_restart_is_a_departure_and_an_arrival():
    roster = Roster()
    roster.arrive("a", "1")
    roster.tell("a", "card", told(b"old"))
    assert roster.arrive("a", "2") == [PeerLeft("a"), PeerJoined("a")]
    assert roster.depart("a", "1") == []
    assert list(roster.snapshot()) == [PeerJoined("a")]


def test_the_newest_state_counts():
    roster = Roster()
    roster.arrive("a", "1")
    assert roster.tell("a", "card", told(b"2", 2.0)) == [PeerAnnounced("a", "card", b"2")]
    assert roster.tell("a", "card", told(b"1", 1.0)) == []
    assert roster.tell("a", "card", told(b"2", 3.0)) == []
    assert roster.tell("a", "card", told(b"1", 2.5)) == []
    assert roster.tell("a", "load", told(b"1", 1.0)) == [PeerAnnounced("a", "load", b"1")]
    assert list(roster.snapshot()) == [
        PeerJoined("a"),
        PeerAnnounced("a", "card", b"2"),
        PeerAnnounced("a", "load", b"1"),
    ]


def test_a_state_that_comes_before_its_node_waits_for_it():
    roster = Roster()
    assert roster.tell("a", "card", told(b"early")) == []
    assert list(roster.snapshot()) == []
    assert roster.arrive("a", "1") == [PeerJoined("a"), PeerAnnounced("a", "card", b"early")]


def test_states_of_nodes_that_never_come_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(module, "MAX_EARLY_BYTES", 100)
    roster = Roster()
    roster.arrive("here", "1")
    roster.tell("here", "card", told(b"kept"))
    for number in range(50):
        roster.tell(f"ghost-{number}", "card", told(bytes(40)))
    waiting = [n for n in range(50) if len(roster.arrive(f"ghost-{n}", "1")) == 2]
    assert 1 <= len(waiting) <= 2
    assert PeerAnnounced("here", "card", b"kept") in list(roster.snapshot())


class TestBacklog:
    def test_a_newer_state_replaces_one_that_waits(self):
        backlog = Backlog()
        for event in (
            PeerJoined("a"),
            PeerAnnounced("a", "load", b"1"),
            PeerAnnounced("a", "card", b"c"),
            PeerAnnounced("a", "load", b"2"),
        ):
            backlog.add(event)
        assert [backlog.pop() for _ in range(len(backlog))] == [
            PeerJoined("a"),
            PeerAnnounced("a", "card", b"c"),
            PeerAnnounced("a", "load", b"2"),
        ]

    def test_a_node_that_came_and_went_unread_never_was(self):
        backlog = Backlog()
        for event in (PeerJoined("a"), PeerAnnounced("a", "load", b"1"), PeerLeft("a")):
            backlog.add(event)
        assert len(backlog) == 0

    def test_a_departure_of_a_known_node_is_told(self):
        backlog = Backlog()
        backlog.add(PeerJoined("a"))
        backlog.pop()
        for event in (PeerAnnounced("a", "load", b"1"), PeerLeft("a"), PeerJoined("a")):
            backlog.add(event)
        assert [backlog.pop() for _ in range(len(backlog))] == [PeerLeft("a"), PeerJoined("a")]

    @given(st.data())
    def test_a_reader_of_any_pace_ends_up_with_the_truth(self, data):
        roster, backlog, seen = Roster(), Backlog(), {}

        def read(count):
            for _ in range(min(count, len(backlog))):
                match backlog.pop():
                    case PeerJoined(node):
                        assert node not in seen
                        seen[node] = {}
                    case PeerLeft(node):
                        del seen[node]
                    case PeerAnnounced(node, topic, state):
                        seen[node][topic] = state

        nodes = st.sampled_from("abc")
        for time in range(data.draw(st.integers(0, 40))):
            node, which = data.draw(nodes), data.draw(st.sampled_from("12"))
            events = data.draw(
                st.sampled_from(
                    [
                        lambda n=node, w=which: roster.arrive(n, w),
                        lambda n=node, w=which: roster.depart(n, w),
                        lambda n=node, t=time: roster.tell(n, "load", told(bytes([t]), t)),
                    ]
                )
            )()
            for event in events:
                backlog.add(event)
            read(data.draw(st.integers(0, 3)))
            assert len(backlog) <= 3 * 3
        read(len(backlog))
        truth = {}
        for event in roster.snapshot():
            if isinstance(event, PeerJoined):
                truth[event.node] = {}
            else:
                truth[event.node][event.topic] = event.state
        assert seen == truth
