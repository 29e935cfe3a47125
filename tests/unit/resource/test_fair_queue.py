"""Taking turns: no asker starves, no ticket is lost, and one's own requests keep their order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.resource.fair_queue import FairQueue

ASKERS = st.sampled_from("abcd")
ARRIVALS = st.lists(ASKERS, max_size=40)


def queue_of(askers) -> FairQueue[tuple[str, int]]:
    """Return a queue in which the tickets are the asker and the number of its request."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    seen: Counter[str] = Counter()
    for asker in askers:
        queue.add(asker, (asker, seen[asker]))
        seen[asker] += 1
    return queue


def drained(queue: FairQueue[tuple[str, int]]) -> list[tuple[str, int]]:
    tickets = []
    while (ticket := queue.pop()) is not None:
        tickets.append(ticket)
    return tickets


def test_one_request_does_not_wait_for_a_hundred_of_another():
    queue = queue_of("a" * 100 + "b")
    assert drained(queue)[:3] == [("a", 0), ("b", 0), ("a", 1)]


def test_a_newcomer_waits_for_one_turn_of_each():
    queue = queue_of("aaabbbccc")
    assert queue.ahead_of("d") == 3
    queue.add("d", ("d", 0))
    assert [queue.pop() for _ in range(4)][-1] == ("d", 0)


def test_nothing_waits():
    queue = queue_of("")
    assert (len(queue), queue.pop(), queue.ahead_of("a"), queue.crowd_out("a")) == (
        0,
        None,
        0,
        None,
    )


def test_what_left_already_cannot_be_taken_out():
    queue = queue_of("a")
    assert queue.remove("a", ("a", 0))
    assert not queue.remove("a", ("a", 0))
    assert not queue.remove("b", ("a", 0))
    assert (len(queue), queue.pop()) == (0, None)


@given(ARRIVALS)
def test_every_ticket_is_called_once_and_each_line_in_order(arrivals):
    tickets = drained(queue_of(arrivals))
    assert len(tickets) == len(arrivals)
    for asker in "abcd":
        numbers = [number for name, number in tickets if name == asker]
        assert numbers == list(range(arrivals.count(asker)))


@given(ARRIVALS)
def test_nobody_has_a_second_turn_while_another_waits_for_the_first(arrivals):
    left = Counter(arrivals)
    since_turn: Counter[str] = Counter()
    for asker, _ in drained(queue_of(arrivals)):
        left[asker] -= 1
        since_turn[asker] = 0
        for other in left:
            if other != asker and left[other]:
                since_turn[other] += 1
                assert since_turn[other] < len(set(arrivals))


@given(ARRIVALS, ASKERS, st.integers(0, 20))
def test_a_ticket_is_called_after_as_many_as_was_foreseen(arrivals, asker, popped):
    queue = queue_of(arrivals)
    for _ in range(popped):
        queue.pop()
    foreseen = queue.ahead_of(asker)
    queue.add(asker, (asker, -1))
    assert drained(queue).index((asker, -1)) == foreseen


@given(ARRIVALS, st.data())
def test_those_who_leave_leave_no_hole(arrivals, data):
    queue = queue_of(arrivals)
    tickets = drained(queue_of(arrivals))
    gone = data.draw(st.sets(st.sampled_from(tickets))) if tickets else set()
    for asker, number in gone:
        assert queue.remove(asker, (asker, number))
    assert len(queue) == len(tickets) - len(gone)
    assert sorted(drained(queue)) == sorted(set(tickets) - gone)


@given(ARRIVALS, ASKERS)
def test_the_longest_line_makes_room_and_stays_no_shorter_than_the_newcomers(arrivals, asker):
    queue = queue_of(arrivals)
    lengths = Counter(arrivals)
    longest = max(lengths.values(), default=0)
    sent_away = queue.crowd_out(asker)
    if longest <= lengths[asker] + 1:
        assert sent_away is None
        return
    name, number = sent_away
    assert (lengths[name], number) == (longest, longest - 1)
    assert lengths[name] - 1 >= lengths[asker] + 1
    assert sent_away not in drained(queue)


@pytest.mark.parametrize("newcomers", ["b", "bc", "bcd"])
def test_a_full_queue_ends_up_shared_equally(newcomers):
    room = 12
    queue = queue_of("a" * room)
    for number, asker in enumerate(newcomers * room):
        if queue.crowd_out(asker) is not None:
            queue.add(asker, (asker, number))
    shares = Counter(name for name, _ in drained(queue))
    assert shares == dict.fromkeys("a" + newcomers, room // (1 + len(newcomers)))
