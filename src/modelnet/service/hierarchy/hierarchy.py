"""The witness: one tree over what the encoder says of questions, one over their hashed words."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from modelnet.core.identity import RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.hierarchy.place import place_of, unpacked
from modelnet.service.hierarchy.tree import RECENT, Tree
from modelnet.service.neighbourhood import SIZE, Verdict
from modelnet.service.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

    Centres: TypeAlias = Callable[[int], Array | None]


def _none(size: int) -> "Array | None":
    """Offer no kinds."""


class Hierarchy:
    """Kinds of task that grow from verdicts, and what models did on each."""

    def __init__(self, centres: "Centres" = _none) -> None:
        """Know no verdicts; `centres` returns those of kinds to try among vectors of a size."""
        self._centres = centres
        self._unread: deque[Verdict] = deque(maxlen=RECENT)
        """What came before the first question: it needs no numpy until then."""
        self._trees: dict[int, Tree] | None = None

    @property
    def is_claim(self) -> bool:
        """Verdicts are none."""
        return False

    @property
    def saw(self) -> str:
        """What it counts, for a person."""
        return "verdicts on this kind of question"

    def kinds(self, size: int = SIZE) -> int:
        """Return how many kinds there are among vectors of a size, that of everything included."""
        tree = (self._trees or {}).get(size)
        return 1 if tree is None else len(tree)

    def evidence(self, features: TaskFeatures, offers: Sequence[Offer], now: float) -> list[Tally]:
        """Return what each model did on questions of this kind, those of wider kinds worth less."""
        trees = self._grown()
        direction = place_of(features)
        tree = None if direction is None else trees.get(len(direction))
        if direction is None or tree is None:
            return [Tally()] * len(offers)
        return tree.evidence(direction, [offer.key for offer in offers], now)

    def learn(self, outcome: Outcome) -> None:
        """Take in a verdict on an answer to a question of which it is known where it lies."""
        verdict = Verdict.of(outcome)
        if verdict is None or not verdict.has_sane_numbers:
            return
        if self._trees is None:
            self._unread.append(verdict)
        else:
            self._add(verdict, self._trees)

    def doubt(self, change: Change) -> None:
        """Let what is older than a model's change count less."""
        key = change.node, change.model
        if self._trees is None:
            left = math.ceil(change.answers)
            for place in range(len(self._unread) - 1, -1, -1):
                verdict = self._unread[place]
                if verdict.key == key:
                    left -= 1
                    if left < 0:
                        less = verdict._replace(weight=verdict.weight * change.kept)
                        self._unread[place] = less
            return
        for tree in self._trees.values():
            tree.doubt(key, change.answers, change.kept)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget verdicts, all or those that fit.

        What is forgotten by its age takes with it all that is not remembered one by one.
        """

        def fits(verdict: Verdict) -> bool:
            return (before is None or verdict.at < before) and task in (None, verdict.task)

        self._unread = deque([one for one in self._unread if not fits(one)], maxlen=RECENT)
        for size, tree in [*(self._trees or {}).items()]:
            if task is not None:
                tree.take_back(fits)
            elif self._trees is not None:
                self._trees[size] = self._planted(size)
                for verdict, direction in tree.recent():
                    if not fits(verdict):
                        self._trees[size].add(verdict, direction)

    def _grown(self) -> dict[int, Tree]:
        if self._trees is None:
            self._trees = {}
            while self._unread:
                self._add(self._unread.popleft(), self._trees)
        return self._trees

    def _add(self, verdict: Verdict, trees: dict[int, Tree]) -> None:
        direction = unpacked(verdict.embedding)
        # A weight that a change left nothing of counts for nothing.
        if direction is not None and verdict.weight > 0.0:
            size = len(direction)
            if size not in trees:
                trees[size] = self._planted(size)
            trees[size].add(verdict, direction)

    def _planted(self, size: int) -> Tree:
        return Tree(self._centres(size))
