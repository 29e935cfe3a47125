"""A tree of kinds over question vectors of one size: grows where models differ, and backs off."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from modelnet.core.standing import Tally
from modelnet.service.hierarchy.split import Split, Verdicts, best_split
from modelnet.service.hierarchy.tally import Tallies
from modelnet.service.neighbourhood import Key, Verdict

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

KINDS = 128
"""Kinds at most; then the tree grows no more."""
MODELS = 512
"""Models counted at most; who was not judged for longest is forgotten first."""
RECENT = 2048
"""Verdicts remembered one by one, to find where to split, and to take back what is deleted."""

_TRAFFIC = 48
"""Verdicts that a kind needs to fall apart, and at least as many new ones before another look."""
_LOOKED_AT = 768
"""Of them, the newest at most."""
_PARENT = 8.0
"""What was seen in the parent kind, and not in the kind itself, is worth so many verdicts."""


@dataclass(slots=True)
class Place:
    """A verdict, and the kinds in which it was counted."""

    verdict: Verdict
    direction: "Array"
    """Of the question, float32 `(size,)`, of length 1."""
    model: int
    path: list[int]
    """From the root to a leaf."""


@dataclass(slots=True)
class Branch:
    """A kind of task."""

    number: int
    centres: "Array | None" = None
    """Of the kinds within it, float32 `(below, size)`; a leaf has none."""
    least: float | None = None
    """The cosine to the nearest below which a question is of the last, which has no centre."""
    below: "list[Branch]" = field(default_factory=list["Branch"])
    seen: int = 0
    """Verdicts on questions of this kind and of none within it."""
    due: int = 0
    """With so many it is looked at."""


class Tree:
    """Kinds within kinds."""

    def __init__(self, centres: "Array | None" = None) -> None:
        """Know one kind, that of everything; those around `centres` are tried when it splits."""
        self._tallies = Tallies(KINDS, MODELS)
        self._numbers: OrderedDict[Key, int] = OrderedDict()
        self._free = list(range(MODELS))[::-1]
        self._recent: deque[Place] = deque()
        self._offered = centres
        self._root = Branch(0)
        self._size = 1

    def __len__(self) -> int:
        """Return how many kinds there are."""
        return self._size

    def evidence(self, direction: "Array", keys: Sequence[Key], now: float) -> list[Tally]:
        """Return what each model did on questions of this kind, those of wider kinds worth less.

        The root tells nothing: what models do on everything is believed already.
        """
        path = [branch.number for branch in self._path(direction)[1:]]
        numbers = {key: self._numbers[key] for key in keys if key in self._numbers}
        if not path or not numbers:
            return [Tally()] * len(keys)
        counts = self._tallies.of(path, [*numbers.values()], now)
        told = dict(zip(numbers, _backed_off(*counts), strict=True))
        return [told.get(key, Tally()) for key in keys]

    def add(self, verdict: Verdict, direction: "Array") -> None:
        """Count a verdict in all kinds that its question is of; the narrowest may fall apart."""
        path = self._path(direction)
        # Directions are kept as they are compared: the packed bytes would be a second copy.
        bare = verdict._replace(embedding=b"")
        number = self._number(verdict.key)
        place = Place(bare, direction, number, [branch.number for branch in path])
        self._count(place, place.path)
        self._recent.append(place)
        if len(self._recent) > RECENT:
            self._recent.popleft()
        self._look_at(path[-1])

    def doubt(self, key: Key, answers: float, kept: float) -> None:
        """Let all but a model's newest answers, so many, count only so much of it."""
        model = self._numbers.get(key)
        if model is None:
            return
        self._tallies.scale(model, kept)
        newest = math.ceil(answers)
        for place in reversed(self._recent):
            if place.model != model:
                continue
            newest -= 1
            if newest >= 0:
                self._count(place, place.path, 1.0 - kept)
            else:
                place.verdict = place.verdict._replace(weight=place.verdict.weight * kept)

    def take_back(self, fits: Callable[[Verdict], bool]) -> None:
        """Take back verdicts that are still remembered one by one.

        Of the centres of a kind that fell apart meanwhile their questions stay a small part.
        """
        for place in self._recent:
            if fits(place.verdict):
                self._count(place, place.path, -1.0)
        self._recent = deque(place for place in self._recent if not fits(place.verdict))

    def recent(self) -> "list[tuple[Verdict, Array]]":
        """Return the verdicts that are remembered one by one, and where their questions lie."""
        return [(place.verdict, place.direction) for place in self._recent]

    def _path(self, direction: "Array") -> list[Branch]:
        """Return the kinds a question is of, the widest first."""
        import numpy as np

        path = [self._root]
        while (centres := path[-1].centres) is not None:
            # Not `@`: see `neighbourhood`.
            cosine = np.vecdot(centres, direction)
            nearest = int(cosine.argmax())
            least = path[-1].least
            is_none = least is not None and float(cosine[nearest]) < least
            path.append(path[-1].below[-1 if is_none else nearest])
        return path

    def _number(self, key: Key) -> int:
        """Return the column of a model, if need be that of the one not judged for longest."""
        if key not in self._numbers:
            if not self._free:
                number = self._numbers.popitem(last=False)[1]
                self._tallies.scale(number, 0.0)
                self._recent = deque(place for place in self._recent if place.model != number)
                self._free.append(number)
            self._numbers[key] = self._free.pop()
        self._numbers.move_to_end(key)
        return self._numbers[key]

    def _count(self, place: Place, kinds: Sequence[int], share: float = 1.0) -> None:
        verdict = place.verdict
        self._tallies.add(kinds, place.model, verdict.p_right, share * verdict.weight, verdict.at)

    def _look_at(self, leaf: Branch) -> None:
        """Let a kind fall apart where it has the traffic, and models differ."""
        leaf.seen += 1
        if leaf.seen < max(leaf.due, _TRAFFIC):
            return
        # The longer it was of one piece the rarer: a look takes a few milliseconds.
        leaf.due = leaf.seen + min(max(_TRAFFIC, leaf.seen // 2), _LOOKED_AT)
        places = [place for place in self._recent if place.path[-1] == leaf.number][-_LOOKED_AT:]
        split = best_split(_verdicts(places), self._offered if leaf is self._root else None)
        if split is None or not self._grow(leaf, split):
            return
        sides: list[int] = split.side.tolist()
        for place, half in zip(places, sides, strict=True):
            place.path.append(leaf.below[half].number)
            self._count(place, place.path[-1:])

    def _grow(self, leaf: Branch, split: Split) -> bool:
        """Give a leaf kinds within it, if there may be so many more."""
        parts = len(split.centres) + (split.least is not None)
        if self._size + parts > KINDS:
            return False
        leaf.centres, leaf.least = split.centres, split.least
        leaf.below = [Branch(self._size + part) for part in range(parts)]
        self._size += parts
        return True


def _backed_off(right: "Array", asked: "Array") -> list[Tally]:
    """Return what was seen in the last kind, and of wider ones what is worth `_PARENT` verdicts.

    Args:
        right: right answers, `(kinds, models)`, each kind within the one before it.
        asked: all answers, of the same shape.
    """
    import numpy as np

    wider = np.zeros((2, right.shape[1]))
    for level in range(1, len(right)):
        asked_beside = np.maximum(asked[level - 1] - asked[level], 0.0)
        right_beside = np.clip(right[level - 1] - right[level], 0.0, asked_beside)
        wider += right_beside, asked_beside
        wider *= _PARENT / np.maximum(wider[1], _PARENT)
    told_right, told_asked = wider[0] + right[-1], wider[1] + asked[-1]
    told_asked = np.maximum(told_asked, 0.0)
    told_right = np.clip(told_right, 0.0, told_asked)
    return [Tally(*one) for one in zip(told_right.tolist(), told_asked.tolist(), strict=True)]


def _verdicts(places: Sequence[Place]) -> Verdicts:
    import numpy as np

    return Verdicts(
        directions=np.stack([place.direction for place in places]),
        models=np.array([place.model for place in places]),
        right=np.array([place.verdict.p_right for place in places]),
        weight=np.array([place.verdict.weight for place in places]),
    )
