"""The witness: expects of a model what public models of its name did on questions like this one.

A name is a claim. What is bundled for it is worth `PRIOR_ASKED` questions beside all that the model
itself was asked; who lies about a name has lost that after a few answers.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from modelnet.core.card import ModelCard
from modelnet.core.identity import RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.hierarchy.place import place_of
from modelnet.service.known.name import public_name, without_size
from modelnet.service.known.table import Table, bundled
from modelnet.service.outcome import Outcome
from modelnet.service.standing.belief import PRIOR_ASKED

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_TEMPERATURE: Final = 0.05
"""Of the cosine between a question and a kind: so much nearer counts e times."""


class Known:
    """What is bundled of public models."""

    def __init__(self, table: Callable[[], Table] = bundled) -> None:
        """Read nothing yet: `table` is called where a question first has a place."""
        self._read = table
        self._reference: _Reference | None = None

    @property
    def is_claim(self) -> bool:
        """A name is one."""
        return True

    @property
    def saw(self) -> str:
        """What it counts, for a person."""
        return "answers that its name lets expect"

    def evidence(self, features: TaskFeatures, offers: Sequence[Offer], now: float) -> list[Tally]:
        """Return what the names let expect on a question like this one, wherever it lies.

        A name that says nothing lets expect the average, where another says something.
        """
        del now
        reference = self._reference or _Reference(self._read())
        self._reference = reference
        named = [reference.place(offer.card) for offer in offers]
        if all(place is None for place in named):
            return [Tally()] * len(offers)
        shares = reference.shares(place_of(features))
        # Or the worst of those that are known would come before all that are not.
        average = sum(shares) / len(shares)
        return [
            Tally(share * PRIOR_ASKED, PRIOR_ASKED)
            for share in (average if place is None else shares[place] for place in named)
        ]

    def learn(self, outcome: Outcome) -> None:
        """Do nothing: what is bundled was learnt elsewhere."""

    def doubt(self, change: Change) -> None:
        """Do nothing: a name says no more of a model that has changed."""

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Do nothing: nothing of a task is kept."""


class _Reference:
    """The table, and once there is a use for them its numbers."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._places = {name: place for place, name in enumerate(table.models)}
        self._by_kind: Array | None = None
        self._centres: dict[int, Array | None] = {}

    def place(self, card: ModelCard) -> int | None:
        """Return which model of the table a card claims to be."""
        name = public_name(card)
        if (found := self._places.get(name)) is not None:
            return found
        return self._places.get(without_size(name))

    def shares(self, direction: "Array | None") -> list[float]:
        """Return how often each model was right on questions like one, or on all there are."""
        import numpy as np

        if self._by_kind is None:
            self._by_kind = self._table.shares()
        centres = None if direction is None else self._centres_of(len(direction))
        if direction is None or centres is None:
            return self._by_kind.mean(axis=1).tolist()
        nearness = np.vecdot(centres, direction) / _TEMPERATURE
        weights = np.exp(nearness - nearness.max())
        return np.vecdot(self._by_kind, weights / weights.sum()).tolist()

    def _centres_of(self, size: int) -> "Array | None":
        if size not in self._centres:
            self._centres[size] = self._table.centres(size)
        return self._centres[size]
