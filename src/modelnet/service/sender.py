"""How much the reports of a sender count: as much as they agree with what this node measured. Pure.

Every report on a model of which this node has experience of its own is a test of whoever sent it.
The tests make a Beta reputation (Josang and Ismail, "The Beta Reputation System", 2002): a stranger
counts half, one who is right again and again nearly in full, one who is off less, and at last
nothing. Agreement is a Bayes factor: that both tallies come from one rate, against two unrelated
ones. So chance is no lie, and the tallies of short exams prove little either way.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterable

from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally
from modelnet.service.change import log_beta

STRANGER = 0.5
"""What the reports of a sender count that was never tested."""
ENOUGH = 4.0
"""Questions that both must have asked for a comparison to say anything."""

_PRIOR_TESTS = 2.0
_OFF_COUNTS = 3.0
"""A report that is off counts as so many that agree: by chance that is rare, and lies are mixed
with truths."""
_NOTHING_BELOW = 0.2
_TESTS_KEPT = 64
"""Of one sender: it may mend its ways, and the oldest tests are forgotten first."""
_SENDERS_KEPT = 4096


def agreement(own: Tally, told: Tally) -> float | None:
    """Return how well two tallies go together, 0 to 1; `None` where they are too short to tell."""
    if min(own.asked, told.asked) < ENOUGH:
        return None
    both = own + told
    log_factor = _log_evidence(both) - _log_evidence(own) - _log_evidence(told)
    return math.exp(min(0.0, log_factor))


class Senders:
    """What became of the reports of every sender that could be tested."""

    def __init__(self) -> None:
        self._tests: OrderedDict[NodeId, OrderedDict[Hashable, Tally]] = OrderedDict()
        self._weights: dict[NodeId, float] = {}

    def test(self, sender: NodeId, about: Hashable, own: Tally, told: Tally) -> None:
        """Hold a report against own experience; a later test on the same replaces the earlier.

        So a sender gains nothing by saying the same thing often.
        """
        agreed = agreement(own, told)
        if agreed is None:
            return
        length = min(own.asked, told.asked)
        counts = length / (length + ENOUGH) * (1.0 + (_OFF_COUNTS - 1.0) * (1.0 - agreed))
        tests = self._tests.setdefault(sender, OrderedDict())
        tests[about] = Tally(agreed, 1.0).weighted(counts)
        tests.move_to_end(about)
        if len(tests) > _TESTS_KEPT:
            tests.popitem(last=False)
        self._tests.move_to_end(sender)
        if len(self._tests) > _SENDERS_KEPT:
            self._weights.pop(self._tests.popitem(last=False)[0], None)
        self._weights.pop(sender, None)

    def weight(self, sender: NodeId) -> float:
        """Return what one question of this sender counts, against one's own: 0 to 1."""
        tests = self._tests.get(sender)
        if not tests:
            return STRANGER
        weight = self._weights.get(sender)
        if weight is None:
            weight = self._weights[sender] = _reputation(tests.values())
        return weight


def _reputation(tests: Iterable[Tally]) -> float:
    mean = sum(tests, Tally()).mean(STRANGER * _PRIOR_TESTS, _PRIOR_TESTS)
    return mean if mean >= _NOTHING_BELOW else 0.0


def _log_evidence(tally: Tally) -> float:
    """Return the log-probability of a tally whose rate is unknown."""
    return log_beta(tally.right + 1.0, tally.asked - tally.right + 1.0)
