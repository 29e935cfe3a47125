"""The replay window: nothing twice, whatever the flood, and never more memory than allowed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.identity import NodeId, RequestId
from modelnet.trust.replay import ReplayWindow

ALICE, BOB, CAROL = NodeId("alice"), NodeId("bob"), NodeId("carol")


def take(window, sender, id, sent_at, now=None):
    return window.take(sender, RequestId(id), sent_at=sent_at, now=sent_at if now is None else now)


def test_an_id_is_new_once_for_each_sender():
    window = ReplayWindow(horizon_s=30)
    assert take(window, ALICE, "1", 100)
    assert not take(window, ALICE, "1", 100)
    assert not take(window, ALICE, "1", 101)
    assert take(window, BOB, "1", 100)
    assert len(window) == 2


def test_messages_may_overtake_each_other():
    window = ReplayWindow(horizon_s=30)
    assert all(take(window, ALICE, str(second), second, now=30) for second in (30, 10, 20, 1))


def test_old_ids_leave_memory_but_are_not_taken_again():
    window = ReplayWindow(horizon_s=30)
    for second in range(100):
        assert take(window, ALICE, str(second), second)
    assert len(window) == 31
    assert not any(take(window, ALICE, str(second), second, now=99) for second in range(100))


def test_setting_the_clock_back_does_not_open_the_window():
    window = ReplayWindow(horizon_s=30)
    assert take(window, ALICE, "a", 100)
    assert take(window, ALICE, "b", 200)
    assert not take(window, ALICE, "a", 100, now=100)


def test_a_flood_of_one_sender_costs_only_that_sender():
    window = ReplayWindow(horizon_s=30, ids_max=100)
    assert take(window, BOB, "first", 0)
    for n in range(10_000):
        assert take(window, ALICE, str(n), n * 0.001, now=10)
        assert len(window) <= 100
    assert not any(take(window, ALICE, str(n), n * 0.001, now=10) for n in range(10_000))
    assert not take(window, BOB, "first", 0, now=10)
    assert take(window, BOB, "late", -5, now=10)


@pytest.mark.parametrize("ahead_s", [-0.50005, -1e-6, 1e-6, 0.50005, 29])
def test_a_flood_of_invented_senders_lets_known_and_new_ones_through(ahead_s):
    window = ReplayWindow(horizon_s=30, ids_max=1_000, senders_max=50)
    assert take(window, BOB, "before", 0)
    for n in range(5_000):
        now = 1 + n * 1e-3
        take(window, NodeId(f"sybil {n}"), "1", now + ahead_s, now=now)
        assert take(window, BOB, str(n), now, now=now)
        assert not take(window, BOB, str(n), now, now=now)
        assert len(window) <= 1_000
    assert not take(window, BOB, "before", 0, now=6)
    assert take(window, CAROL, "hello", 8, now=8)


def test_a_sender_that_was_forgotten_cannot_be_replayed():
    window = ReplayWindow(horizon_s=30, senders_max=2)
    assert take(window, ALICE, "1", 1)
    assert take(window, BOB, "1", 2)
    assert take(window, CAROL, "1", 3)
    assert len(window) == 2
    assert not take(window, ALICE, "1", 1, now=3)
    assert take(window, ALICE, "2", 3)


messages = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 20).map(str),
        st.integers(0, 100),
        st.integers(0, 100),
    ),
    max_size=200,
)


@given(messages, st.integers(1, 10), st.integers(1, 4))
@settings(deadline=None)
def test_nothing_is_ever_taken_twice_and_memory_is_bounded(arrivals, ids_max, senders_max):
    window = ReplayWindow(horizon_s=10, ids_max=ids_max, senders_max=senders_max)
    taken = set()
    for sender, name, sent_at, now in arrivals:
        # A message carries one time of sending, signed with it.
        message = (sender, f"{name}@{sent_at}")
        if take(window, NodeId(sender), message[1], sent_at, now):
            assert message not in taken
            taken.add(message)
        assert 0 <= len(window) <= ids_max
