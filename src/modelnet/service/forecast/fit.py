"""Fitting forecasts to what was learnt so far: from a snapshot, in seconds, by anyone's thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelnet.core.error import ModelnetError
from modelnet.core.standing import Tally
from modelnet.service.forecast.process import SCALES, Process, Surprises, alike
from modelnet.service.forecast.trial import PRIOR, Finding, tried
from modelnet.service.neighbourhood import Verdict, unpacked

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

HALF_LIFE_S = 7 * 24 * 3600.0
"""What a model knows changes slower than how it does on the whole, and trials tell if it has."""
_LEAST_WEIGHT = 0.01
"""What counts less is left out: it would tell nothing, and cost as much."""


class FitError(ModelnetError):
    """Nothing can be fitted to these verdicts: the message says why."""


class View(NamedTuple):
    """What was believed of a model without any forecast."""

    rate: float
    """On that kind of task."""
    believed: float
    """On that very question, by all witnesses."""


class Known(NamedTuple):
    """A verdict, and what was believed of the model when it was asked."""

    verdict: Verdict
    view: View | None = None
    """`None` where nobody remembers: it was of an earlier life of this node."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Forecasts that can be used."""

    process: Process
    names: dict[str, int]
    """The models by name, numbered: replicas are one."""
    finding: Finding
    at: float
    """Unix seconds."""

    def __str__(self) -> str:
        """Say it to a person."""
        on = f"{self.verdicts} verdicts on {len(self.names)} models"
        if self.finding.worth <= 0.0:
            return f"to {on}, and not better than what is believed without"
        gain = f"{self.finding.gain:.3f} less log loss a verdict"
        return f"to {on}, each forecast counting {self.finding.worth:g} verdicts, {gain}"

    @property
    def verdicts(self) -> int:
        """How many it was fitted to."""
        return len(self.process.ahead)

    def added(self, direction: "Array", names: Sequence[str]) -> list[float]:
        """Return what to add to the rates of models on a question; some may never have been met."""
        stranger = len(self.names)
        by_number = self.process.surprise(direction, stranger + 1).tolist()
        return [by_number[self.names.get(name, stranger)] for name in names]


def fit(known: Sequence[Known], now: float, is_over: Callable[[], bool] = bool) -> Fitted:
    """Return forecasts fitted to verdicts, the oldest first, and what they are worth.

    `is_over` is asked now and then; once it says so, nothing more is computed.

    Raises:
        FitError: nothing is left to fit, the numbers leave no solution, or it is over.
    """
    import numpy as np

    kept, directions = _usable(known, now)
    names: dict[str, int] = {}
    models = np.array([names.setdefault(one.verdict.key[1], len(names)) for one in kept])
    right = np.array([one.verdict.p_right for one in kept])
    weight = np.array([_weight(one.verdict, now) for one in kept])
    rates, believed = _views(kept, models, right, weight)
    seen = Surprises(directions, models, right - _means(models, right, weight), weight)
    likeness = alike(seen.directions)
    best: tuple[Process, Finding] | None = None
    for scale in SCALES:
        if is_over():
            raise FitError("Fitting was given up: its time was over.")
        try:
            process = Process.fit(seen, scale, likeness)
        except np.linalg.LinAlgError as error:
            raise FitError(f"The verdicts leave nothing to fit: {error}.") from None
        finding = tried(believed, rates + process.ahead, right, weight)
        if best is None or finding.sure > best[1].sure:
            best = process, finding
    if best is None:
        raise FitError("There is nothing to try.")
    return Fitted(best[0], names, best[1], now)


def _usable(known: Sequence[Known], now: float) -> tuple[list[Known], "Array"]:
    """Return the verdicts that can be true and count, and the directions of their questions.

    Raises:
        FitError: there is none.
    """
    counting = [
        one for one in known if one.verdict.is_sane and _weight(one.verdict, now) >= _LEAST_WEIGHT
    ]
    if counting:
        directions, are_sane = unpacked([one.verdict.embedding for one in counting])
        if are_sane.any():
            kept = [one for one, is_sane in zip(counting, are_sane, strict=True) if is_sane]
            return kept, directions[are_sane]
    raise FitError("No verdict tells where its question lies: there is nothing to fit.")


def _means(models: "Array", right: "Array", weight: "Array") -> "Array":
    """Return the share of right answers of each verdict's model, `(n,)`; few are drawn to all."""
    import numpy as np

    overall = float((weight * right).sum() / weight.sum())
    good, asked = np.bincount(models, weight * right), np.bincount(models, weight)
    return ((good + PRIOR * overall) / (asked + PRIOR))[models]


def _views(
    kept: Sequence[Known], models: "Array", right: "Array", weight: "Array"
) -> tuple["Array", "Array"]:
    """Return rates and beliefs before each verdict; the rate so far where none are remembered."""
    import numpy as np

    so_far = _rates(models, right, weight).tolist()
    views = [one.view or View(rate, rate) for one, rate in zip(kept, so_far, strict=True)]
    return np.array([view.rate for view in views]), np.array([view.believed for view in views])


def _rates(models: "Array", right: "Array", weight: "Array") -> "Array":
    """Return what the verdicts before each let expect of its model, `(n,)`."""
    import numpy as np

    rates = np.zeros(len(models))
    of_all = Tally(1.0, 2.0)
    of_one: dict[int, Tally] = {}
    for row, told in enumerate(zip(models.tolist(), right.tolist(), weight.tolist(), strict=True)):
        model, verdict, counts = told
        known, one = of_one.get(model, Tally()), Tally(verdict * counts, counts)
        rates[row] = known.mean(PRIOR * of_all.right / of_all.asked, PRIOR)
        of_one[model], of_all = known + one, of_all + one
    return rates


def _weight(verdict: Verdict, now: float) -> float:
    return verdict.weight * 2.0 ** (-max(0.0, now - verdict.at) / HALF_LIFE_S)
