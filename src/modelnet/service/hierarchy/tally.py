"""Right answers of every model in every kind, in two matrices that fade as one. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from modelnet.service.standing import HALF_LIFE_S

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_LONGEST = 64.0
"""Half-lives after which counts are written anew, before the numbers grow too large."""


class Tallies:
    """Counts by kind and model, `(kinds, models)`.

    A count is kept as what it is worth at one moment, `_since`: then nothing that fades has to be
    touched, and a later verdict is written down as worth more.
    """

    def __init__(self, kinds: int, models: int) -> None:
        import numpy as np

        self._right = np.zeros((kinds, models))
        self._asked = np.zeros((kinds, models))
        self._since: float | None = None

    def add(self, kinds: Sequence[int], model: int, right: float, weight: float, at: float) -> None:
        """Count a verdict in some kinds; a negative weight takes one back."""
        worth = weight * 2.0 ** self._age(at)
        self._asked[kinds, model] += worth
        self._right[kinds, model] += worth * right

    def of(
        self, kinds: Sequence[int], models: Sequence[int], now: float
    ) -> tuple["Array", "Array"]:
        """Return the right answers and all of them, each `(kinds, models)`, as they count now."""
        import numpy as np

        # Nothing counts more than it did when it came.
        faded = 2.0 ** -max(0.0, self._age(now))
        places = np.ix_(kinds, models)
        return faded * self._right[places], faded * self._asked[places]

    def scale(self, model: int, share: float) -> None:
        """Let all that is known of a model count only so much of it."""
        self._right[:, model] *= share
        self._asked[:, model] *= share

    def _age(self, at: float) -> float:
        """Return half-lives since the moment that counts are written for, which may move."""
        if self._since is None:
            self._since = at
        age = (at - self._since) / HALF_LIFE_S
        if age > _LONGEST:
            faded = 2.0**-age
            self._right *= faded
            self._asked *= faded
            self._since, age = at, 0.0
        return max(age, -_LONGEST)
