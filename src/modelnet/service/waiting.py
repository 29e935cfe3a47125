"""How long an answer would wait for its place: what is ahead of it, and what waiting is not. Pure.

Beacons are up to a quarter of a second old, and many askers read the same ones. So three things are
kept apart: what a beacon said, what this node sent and got back since, and what it cannot know.
"""

import math
import random
from collections import Counter, OrderedDict

import msgspec

from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.resource.directory import Offer
from modelnet.service.timing import Timing

_Key = tuple[NodeId, str]

_MODELS_KEPT = 4096

_MOST_WAIT = 2.0
"""A queue is believed to have been at most so many times as long as its beacon said."""
_MOST_SLOWER = 3.0
"""What one answer may show a model to be slower by."""


class Underway:
    """What this node asked of each model, and how much of that the model's beacon has counted."""

    def __init__(self) -> None:
        self._own: Counter[_Key] = Counter()
        self._counted: OrderedDict[_Key, tuple[ModelLoad, int]] = OrderedDict()

    def begin(self, key: _Key) -> None:
        """Note that a model is asked."""
        self._own[key] += 1

    def end(self, key: _Key) -> None:
        """Note that the answer is whole, or given up."""
        self._own[key] -= 1
        if not self._own[key]:
            del self._own[key]

    def seen(self, offer: Offer) -> Offer:
        """Return a model with its load as the beacon said, and what was sent or ended since.

        Without this a node would send everything to one model until the next beacon.
        """
        key, told, own = offer.key, offer.load, self._own[offer.key]
        beacon, counted = self._counted.get(key, (None, own))
        if beacon != told:
            counted = own
            self._counted[key] = (told, own)
            self._counted.move_to_end(key)
            if len(self._counted) > _MODELS_KEPT:
                self._counted.popitem(last=False)
        total = max(own, told.running + told.waiting + own - counted)
        running = min(total, told.parallel)
        load = ModelLoad(running, total - running, told.parallel, told.begun)
        return msgspec.structs.replace(offer, load=load, own=own)


def without_wait(
    timing: Timing, wait_factor: float, first_s: float | None, answer_s: float | None
) -> Timing:
    """Return what to learn of an answer: its time with nobody ahead of it.

    The queue is known from an old beacon only. So where an answer took longer to begin than is
    believed of the model (`first_s`), that is put down to waiting, as far as the queue can explain
    it: at most `_MOST_WAIT` times the answers said to be ahead, of `answer_s` each. Of what is left
    no more is learnt at once than `_MOST_SLOWER` times what is believed: one straggler, or a crowd
    that no beacon told of, must not make a good model look useless. What came sooner than believed
    shows that the model is faster.
    """
    if first_s is None or not answer_s:
        return timing.without_wait(wait_factor)
    late_s = max(0.0, timing.first_token_s - first_s)
    waited_s = min(late_s, _MOST_WAIT * wait_factor * answer_s)
    excess_s = max(0.0, timing.latency_s - waited_s - _MOST_SLOWER * answer_s)
    begun_s = max(min(first_s, timing.first_token_s), timing.first_token_s - waited_s - excess_s)
    return Timing(timing.latency_s - waited_s - excess_s, begun_s, timing.tokens_per_s)


def blurred_wait(offer: Offer, rng: random.Random) -> float:
    """Return how many whole answers may be ahead, the number of others' drawn at random.

    Theirs come and go between beacons, by about the square root of their number (Poisson). Who
    takes it for exact runs to the same model as everyone else, until the next beacon. Never less
    than half of it is drawn, nor more than half as much again: who was seen busy is not taken for
    idle, nor one with little to do for one with much.
    """
    load = offer.load
    others = max(0, load.running + load.waiting - offer.own)
    drawn = rng.gauss(others, math.sqrt(others))
    here = offer.own + min(max(0.5 * others, drawn), 1.5 * others)
    return max(0.0, (here + 1.0 - load.parallel) / load.parallel)
