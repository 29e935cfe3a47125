"""Hedged requests: when a model is late, whom to ask as well, and how often that may be done.

After Dean and Barroso, "The Tail at Scale" (2013): a second request once the first has taken longer
than usual, within a small budget. Pure: times are arguments.
"""

import bisect
import math
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence

from modelnet.core.request import Operation
from modelnet.service.analysis import TaskFeatures
from modelnet.service.routing import Scored

EXTRA_CALLS = 0.05
"""Calls at most that hedging adds, as a share of all calls."""

_SHARE_LATE = 0.95
_LEAST_SEEN = 16
_REMEMBERED = 256
"""Times kept of one model: old ones are forgotten as they are replaced."""
_MODELS_KEPT = 4096
_BEYOND_MEDIAN = 1.5
"""Where all times are alike the 95th percentile is no sign of trouble: wait so much longer."""
_SAVED_UP_OVER = 200
"""Calls without a hedge that are remembered in its favour."""
_P_TO_LOSE = 0.05
"""Probability of a right answer that may be lost for an earlier one."""
_HURRY = 2.0
"""The deadline is near when less than so many usual answers are left."""

_ANY_MODEL: frozenset[Operation] = frozenset({"chat", "complete"})
_SAME_MODEL: frozenset[Operation] = frozenset({"step", "score", "embed", "encode"})
"""Answers mean something else with every model. `infer` may be anyone's program: never twice."""
_PROGRAM = "python"
"""The engine of models that are functions of a user: what they do may not be done twice."""


class FirstChunks:
    """How long models took to say the first thing, seen over their last answers."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, _Window] = OrderedDict()

    def note(self, key: Hashable, took_s: float) -> None:
        """Note that the first chunk came after so long."""
        self._seen.setdefault(key, _Window()).add(took_s)
        self._seen.move_to_end(key)
        if len(self._seen) > _MODELS_KEPT:
            self._seen.popitem(last=False)

    def note_given_up(self, key: Hashable, after_s: float) -> None:
        """Note that nothing had come after so long: it counts if that is late, whatever it was.

        Left out, those who were late would make the others look usual.
        """
        late_s = self.late_s(key)
        if late_s is not None and after_s >= late_s:
            self.note(key, after_s)

    def late_s(self, key: Hashable) -> float | None:
        """Return after how long a model is late; `None` while too little was seen of it."""
        window = self._seen.get(key)
        if window is None or window.size < _LEAST_SEEN:
            return None
        return max(window.quantile(_SHARE_LATE), _BEYOND_MEDIAN * window.quantile(0.5))


class _Window:
    """The last times, in the order they came and by size."""

    def __init__(self) -> None:
        self._came: deque[float] = deque()
        self._sorted: list[float] = []

    @property
    def size(self) -> int:
        return len(self._came)

    def add(self, took_s: float) -> None:
        if self.size == _REMEMBERED:
            del self._sorted[bisect.bisect_left(self._sorted, self._came.popleft())]
        self._came.append(took_s)
        bisect.insort(self._sorted, took_s)

    def quantile(self, share: float) -> float:
        return self._sorted[min(self.size - 1, math.ceil(share * self.size))]


class HedgeBudget:
    """A bucket of tokens: every call adds a fraction of one, every hedge takes one."""

    def __init__(self, share: float = EXTRA_CALLS) -> None:
        """Begin with nothing saved up: at no time is the share exceeded."""
        self._share = share
        self._saved = 0.0

    def note_call(self) -> None:
        """Count a call that is no hedge."""
        self._saved = min(self._saved + self._share, self._share * _SAVED_UP_OVER)

    def take(self) -> bool:
        """Take what one hedge costs, if it is there."""
        # A twentieth has no exact binary form: twenty of them are a little less than one.
        if self._saved < 1.0 - 1e-9:
            return False
        self._saved -= 1.0
        return True


def rival(
    features: TaskFeatures, ranked: Sequence[Scored], *, time_left_s: float, now: float
) -> Scored | None:
    """Return whom to ask as well when the first of a ranking is late; `None` where nobody may be.

    Only a model on another node that is free, well, hardly worse, and has room: when all are busy a
    hedge would make them busier, unless the deadline is near.
    """
    if not ranked:
        return None
    first = ranked[0]
    is_in_hurry = first.latency_s is not None and time_left_s < _HURRY * first.latency_s
    for other in ranked[1:]:
        has_room = not other.candidate.load.wait_factor or is_in_hurry
        if has_room and not other.breaker.is_open(now) and _may_stand_in(features, first, other):
            return other
    return None


def _may_stand_in(features: TaskFeatures, first: Scored, other: Scored) -> bool:
    one, two = first.candidate, other.candidate
    if (
        one.node == two.node
        or not two.card.is_free
        or _PROGRAM in {one.card.engine, two.card.engine}
    ):
        return False
    if features.operation in _SAME_MODEL:
        return one.card.name == two.card.name
    is_hardly_worse = other.quality.mean >= first.quality.mean - _P_TO_LOSE
    return features.operation in _ANY_MODEL and is_hardly_worse
