"""What is forecast of models on a question, by the last fit to this node's own verdicts. Pure.

It is heard after all witnesses, and as far as it was better than they of late. Models are known by
name: what one replica was asked, all profit from. Without an embedding of the question there is no
forecast, and nothing changes.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import NamedTuple

from modelnet.core.identity import RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.forecast.fit import Fitted, Known, View
from modelnet.service.neighbourhood import Key, Verdict, direction_of, packed
from modelnet.service.outcome import Outcome
from modelnet.service.standing import Estimate

CAPACITY = 2048
"""Verdicts that are fitted, the oldest out first: as many as can be compared with a question in a
tenth of a millisecond, and fitted in two seconds."""
LEAST = 64
"""Verdicts below which nothing is fitted."""
EVERY = 64
"""New verdicts after which to fit again."""

_ASKED = 1024
"""Questions of which it is remembered what was believed; their verdicts are still to come."""


class Snapshot(NamedTuple):
    """What is to be fitted."""

    known: tuple[Known, ...]
    generation: int
    """Tells a fit to verdicts that were forgotten meanwhile."""


class Forecast:
    """What is forecast of models, from the verdicts of late and the last fit to them."""

    def __init__(self, capacity: int = CAPACITY, *, least: int = LEAST, every: int = EVERY) -> None:
        """Forecast nothing yet."""
        self._least = least
        self._every = every
        self._known: deque[Known] = deque(maxlen=capacity)
        self._asked: OrderedDict[bytes, dict[Key, tuple[float, float]]] = OrderedDict()
        self._fitted: Fitted | None = None
        self._new = 0
        self._generation = 0

    @property
    def saw(self) -> str:
        """What a forecast counts, for a person."""
        return "verdicts, by forecast"

    @property
    def fitted(self) -> Fitted | None:
        """The fit in use."""
        return self._fitted

    @property
    def is_due(self) -> bool:
        """Whether enough verdicts came, or went, to fit again."""
        return len(self._known) >= self._least and self._new >= self._every

    def evidence(
        self,
        features: TaskFeatures,
        offers: Sequence[Offer],
        on_kind: Sequence[Estimate],
        believed: Sequence[Estimate],
    ) -> list[Tally]:
        """Return what is forecast of each offer as a tally.

        Args:
            features: of the question.
            offers: the models.
            on_kind: what is believed of each on that kind of task.
            believed: what is believed of each on this very question, without a forecast.
        """
        nothing = [Tally()] * len(offers)
        if features.embedding is None:
            return nothing
        direction, is_sane = direction_of(features.embedding)
        if not is_sane:
            return nothing
        rates = [one.mean for one in on_kind]
        self._remember(packed(features.embedding), offers, rates, [one.mean for one in believed])
        fitted = self._fitted
        if fitted is None or fitted.finding.worth <= 0.0:
            return nothing
        worth = fitted.finding.worth
        added = fitted.added(direction, [offer.card.name for offer in offers])
        return [
            Tally(worth * min(1.0, max(0.0, rate + more)), worth)
            for rate, more in zip(rates, added, strict=True)
        ]

    def learn(self, outcome: Outcome) -> None:
        """Take in a verdict on an answer to a question whose embedding is known."""
        verdict = Verdict.of(outcome)
        if verdict is not None and verdict.is_sane:
            view = self._asked.get(verdict.embedding, {}).get(verdict.key)
            self._known.append(Known(verdict, None if view is None else View(*view)))
            self._new += 1

    def doubt(self, change: Change) -> None:
        """Let what is older than a model's change count less from the next fit on, which is due."""
        left = change.answers
        for place in range(len(self._known) - 1, -1, -1):
            verdict, view = self._known[place]
            if verdict.key == (change.node, change.model):
                left -= 1.0
                if left < 0.0:
                    less = verdict._replace(weight=verdict.weight * change.kept)
                    self._known[place] = Known(less, view)
        self._new = max(self._new, self._every)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget verdicts, all or those that fit, and all that was fitted to them."""
        kept = [
            one
            for one in self._known
            if (before is not None and one.verdict.at >= before)
            or task not in (None, one.verdict.task)
        ]
        self._asked.clear()
        if len(kept) == len(self._known):
            return
        self._known = deque(kept, maxlen=self._known.maxlen)
        self._fitted = None
        self._generation += 1
        self._new = self._every

    def snapshot(self) -> Snapshot:
        """Return what there is to fit; from now on new verdicts count anew."""
        self._new = 0
        return Snapshot((*self._known,), self._generation)

    def use(self, fitted: Fitted, generation: int) -> None:
        """Forecast by a fit from now on, unless what it was fitted to was forgotten meanwhile."""
        if generation == self._generation:
            self._fitted = fitted

    def _remember(
        self,
        question: bytes,
        offers: Sequence[Offer],
        rates: Sequence[float],
        believed: Sequence[float],
    ) -> None:
        """Keep what was believed without a forecast, for the verdict that may come."""
        keys = [offer.key for offer in offers]
        self._asked[question] = dict(zip(keys, zip(rates, believed, strict=True), strict=True))
        self._asked.move_to_end(question)
        if len(self._asked) > _ASKED:
            self._asked.popitem(last=False)
