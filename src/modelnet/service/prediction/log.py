"""Outcomes: what models did on queries, and the seam of all that predict from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from modelnet.core.error import ModelnetError
from modelnet.service.prediction.number import Bools, Floats, Ints


class DataError(ModelnetError):
    """Outcomes that nothing can be learnt from: the message says what is wrong with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeLog:
    """What `m` models did on `n` queries."""

    models: tuple[str, ...]
    x: Floats
    """Features of the queries, `(n, d)`; see `design`."""
    right: Floats
    """Verdicts, `(n, m)`, 0 to 1; not a number where a model was not asked."""
    kinds: Ints
    """Kind of each query, `(n,)`, an index; -1 where nobody knows it."""
    n_surface: int | None = None
    """How many of the first features were counted in the text; `None` where all were, or none."""

    def __post_init__(self) -> None:
        """Raise `DataError` where the parts do not fit together."""
        n, m = self.right.shape if self.right.ndim == 2 else (-1, -1)
        if n <= 0 or m != len(self.models) or self.x.shape[0] != n or self.kinds.shape != (n,):
            raise DataError(
                f"Outcomes of {len(self.models)} models have verdicts of shape "
                f"{self.right.shape}, features {self.x.shape} and kinds {self.kinds.shape}: "
                "they must be (queries, models), (queries, features) and (queries,)."
            )
        if self.n_surface is not None and not 0 < self.n_surface <= self.x.shape[1]:
            raise DataError(
                f"Of {self.x.shape[1]} features {self.n_surface} cannot be of the surface."
            )
        if not np.isfinite(self.x).all():
            raise DataError("Features of queries must be finite numbers.")
        verdicts = self.right[self.asked]
        if not verdicts.size:
            raise DataError("No model has an outcome on any query: there is nothing to learn from.")
        if not (np.isfinite(verdicts) & (verdicts >= 0.0) & (verdicts <= 1.0)).all():
            raise DataError("Verdicts must lie between 0 (wrong) and 1 (right).")

    @property
    def asked(self) -> Bools:
        """Which models were asked which queries, `(n, m)`."""
        return ~np.isnan(self.right)

    @property
    def filled(self) -> Floats:
        """Verdicts with the mean of the model where it was not asked, `(n, m)`."""
        return np.where(self.asked, self.right, self.means)

    @property
    def means(self) -> Floats:
        """Share of right answers of each model, `(m,)`, shrunk a little to that of all."""
        asked = self.asked
        overall = self.right[asked].mean()
        totals = np.where(asked, self.right, 0.0).sum(axis=0)
        return (totals + 2.0 * overall) / (asked.sum(axis=0) + 2.0)

    @property
    def n_kinds(self) -> int:
        """How many kinds there are."""
        return int(self.kinds.max(initial=-1)) + 1

    def rows(self, which: Bools | Ints) -> Self:
        """Return the outcomes on some of the queries."""
        return replace(self, x=self.x[which], right=self.right[which], kinds=self.kinds[which])


class Predictor(Protocol):
    """Tells how probably each model will be right on a query, before any is asked."""

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)` for queries `x (q, d)`, of all models or of some."""
        ...


class Fit(Protocol):
    """Fits a predictor; `rng` decides all that is drawn."""

    def __call__(self, log: OutcomeLog, rng: np.random.Generator, /) -> Predictor:
        """Return the predictor."""
        ...


def columns(models: Sequence[int] | None) -> slice | list[int]:
    """Return what picks the columns of models."""
    return slice(None) if models is None else list(models)
