"""What is ahead of an answer, and what an answer tells of a model when it had to wait."""

import random
import statistics

import msgspec
import pytest

from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.resource.backend.scripted import scripted_card
from modelnet.resource.directory import Offer
from modelnet.service.timing import Timing
from modelnet.service.waiting import Underway, blurred_wait, without_wait


def offer(running: int = 0, waiting: int = 0, *, parallel: int = 2, begun: int = 0) -> Offer:
    return Offer(
        node=NodeId("did:key:one"),
        card=scripted_card(parallel=parallel),
        load=ModelLoad(running, waiting, parallel, begun),
    )


def beacon(one: Offer, running: int, waiting: int, begun: int) -> Offer:
    return msgspec.structs.replace(one, load=ModelLoad(running, waiting, 2, begun))


def test_a_load_nobody_of_this_node_added_to_is_as_the_beacon_said():
    assert Underway().seen(offer(2, 3, begun=9)).load == ModelLoad(2, 3, 2, 9)


def test_what_was_sent_since_the_beacon_is_added_to_what_others_sent():
    underway, seen = Underway(), offer(2, 3)
    underway.seen(seen)
    underway.begin(seen.key)
    underway.begin(seen.key)

    assert underway.seen(seen).load == ModelLoad(2, 5, 2)


def test_what_ended_since_the_beacon_is_taken_off():
    underway, seen = Underway(), offer()
    for _ in range(3):
        underway.begin(seen.key)
    counted = beacon(seen, 2, 2, begun=4)
    assert underway.seen(counted).load == ModelLoad(2, 2, 2, 4)

    underway.end(seen.key)
    underway.end(seen.key)
    underway.end(seen.key)

    assert underway.seen(counted).load == ModelLoad(1, 0, 2, 4)


def test_a_new_beacon_has_counted_what_was_sent_before_it():
    underway, seen = Underway(), offer()
    underway.seen(seen)
    underway.begin(seen.key)
    assert underway.seen(seen).load.running == 1

    assert underway.seen(beacon(seen, 1, 0, begun=1)).load == ModelLoad(1, 0, 2, 1)


def test_what_is_under_way_is_the_least_that_is_there():
    underway, seen = Underway(), offer()
    for _ in range(3):
        underway.begin(seen.key)

    assert underway.seen(beacon(seen, 1, 0, begun=1)).load == ModelLoad(2, 1, 2, 1)


def test_more_ended_than_the_beacon_knew_of_leaves_nothing():
    underway, seen = Underway(), offer()
    underway.begin(seen.key)
    underway.seen(beacon(seen, 0, 0, begun=7))
    underway.end(seen.key)

    assert underway.seen(beacon(seen, 0, 0, begun=7)).load == ModelLoad(0, 0, 2, 7)


def test_without_a_queue_an_answer_is_learnt_as_it_came():
    seen = Timing(1.2, 0.6, 10.0)
    assert without_wait(seen, 0.0, 0.5, 1.0) == seen


def test_of_a_late_answer_the_queue_explains_what_it_can():
    """Half of an answer of 1 s was ahead: up to a second may be waiting, the rest is the model."""
    alone = without_wait(Timing(2.3, 1.8, 10.0), 0.5, 0.5, 1.0)
    assert alone.latency_s == pytest.approx(1.3)
    assert alone.first_token_s == pytest.approx(0.8)


def test_a_queue_shorter_than_told_does_not_make_a_model_look_faster_than_it_is():
    """Divided by the queue, this answer of a second would have looked like one of a quarter."""
    assert without_wait(Timing(1.0, 0.5), 3.0, 0.5, 1.0) == Timing(1.0, 0.5)


def test_what_comes_sooner_than_believed_is_learnt():
    assert without_wait(Timing(0.6, 0.2), 1.0, 0.5, 1.0) == Timing(0.6, 0.2)


def test_one_straggler_does_not_make_a_good_model_look_useless():
    assert without_wait(Timing(100.0, 99.5), 0.0, 0.5, 1.0) == Timing(3.0, 2.5)


def test_a_model_that_once_answered_in_no_time_can_be_learnt_anew():
    assert without_wait(Timing(1.0, 1.0), 0.0, 0.0, 0.0) == Timing(1.0, 1.0)


def test_of_an_unknown_model_the_queue_is_believed():
    alone = without_wait(Timing(2.0, 1.5), 1.0, None, None)
    assert alone == Timing(2.0, 1.5).without_wait(1.0)


def test_the_blurred_wait_is_about_the_wait():
    rng = random.Random(1)
    busy = offer(2, 14)
    drawn = [blurred_wait(busy, rng) for _ in range(2000)]

    assert statistics.fmean(drawn) == pytest.approx(busy.load.wait_factor, rel=0.05)
    assert statistics.stdev(drawn) == pytest.approx(4.0 / 2, rel=0.1)


def test_what_this_node_sent_itself_is_no_guess():
    own = msgspec.structs.replace(offer(2, 4), own=6)
    assert blurred_wait(own, random.Random(1)) == own.load.wait_factor


def test_who_was_seen_busy_is_not_taken_for_idle():
    rng = random.Random(1)
    assert min(blurred_wait(offer(1, parallel=1), rng) for _ in range(500)) == 0.5


def test_where_nobody_is_there_is_no_wait():
    assert blurred_wait(offer(), random.Random(1)) == 0.0
