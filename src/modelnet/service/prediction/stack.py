"""Stacking: several predictors, and how much each is worth, learnt on queries they never saw.

Wolpert, "Stacked generalization", 1992. The log-odds of the members are combined linearly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.log import Fit, OutcomeLog, Predictor, columns
from modelnet.service.prediction.neighbour import Neighbours
from modelnet.service.prediction.network import Networks, item_response
from modelnet.service.prediction.number import (
    P_LEAST,
    Floats,
    Ints,
    log_odds,
    logistic,
    sigmoid,
)
from modelnet.service.prediction.table import KindTable

FOLDS = 5
_PENALTY = 1.0

MEMBERS: dict[str, Fit] = {
    "table": KindTable.fit,
    "neighbours": Neighbours.fit,
    "neighbours of form": Neighbours.of_form,
    "linear": Linear.fit,
    "item response": item_response,
    "network": Networks.fit,
}
"""What is stacked, by name."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The stacked predictor, and what it says of the log it was fitted on."""

    members: tuple[Predictor, ...]
    means: Floats
    weights: Floats
    """One a member, one for the model's mean, and a constant, `(members + 2,)`."""
    out_of_fold: Floats
    """Probabilities `(n, m)` of the log's own queries, by members that had not seen them."""
    folds: Ints
    fold_members: tuple[tuple[Predictor, ...], ...]
    """Fold by fold the members that had not seen it; none where there was nothing else to see."""

    @classmethod
    def fit(
        cls, log: OutcomeLog, rng: np.random.Generator, members: Sequence[Fit] | None = None
    ) -> Self:
        """Fit members in turns on four fifths, the weights on the rest, then members on all."""
        fits = list(MEMBERS.values()) if members is None else list(members)
        n = len(log.x)
        folds = rng.permutation(n) % min(FOLDS, n)
        inputs = np.zeros((*log.right.shape, len(fits) + 2))
        by_fold: list[tuple[Predictor, ...]] = []
        for fold in range(min(FOLDS, n)):
            is_out = folds == fold
            # Where nothing else was asked nothing is known: even odds, which are zeros.
            if log.asked[~is_out].any():
                kept = log.rows(~is_out)
                by_fold.append(tuple(fit(kept, rng) for fit in fits))
                inputs[is_out] = _inputs(_each(by_fold[-1], log.x[is_out]), kept.means)
            else:
                by_fold.append(())
        unseen = np.zeros_like(log.right)
        for fold in range(len(by_fold)):
            is_out = folds == fold
            unseen[is_out] = _combined(
                inputs[is_out], _weights(inputs[~is_out], log.right[~is_out])
            )
        fitted = tuple(fit(log, rng) for fit in fits)
        return cls(fitted, log.means, _weights(inputs, log.right), unseen, folds, tuple(by_fold))

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        each = _each(self.members, x, models)
        return _combined(_inputs(each, self.means[columns(models)]), self.weights)


def _each(members: Sequence[Predictor], x: Floats, models: Sequence[int] | None = None) -> Floats:
    """Return what each member says, `(q, m, members)`."""
    return np.stack([member.p_right(x, models) for member in members], axis=2)


def _inputs(each: Floats, means: Floats) -> Floats:
    """Return `(q, m, members + 2)`."""
    prior = np.broadcast_to(log_odds(means)[None, :, None], (*each.shape[:2], 1))
    return np.concatenate([log_odds(each), prior, np.ones((*each.shape[:2], 1))], axis=2)


def _combined(inputs: Floats, weights: Floats) -> Floats:
    return np.clip(sigmoid(inputs @ weights), P_LEAST, 1.0 - P_LEAST)


def _weights(inputs: Floats, right: Floats) -> Floats:
    size = int(inputs.shape[2]) - 2
    prior = np.concatenate([np.full(size, 1.0 / size), np.zeros(2)])
    asked = ~np.isnan(right)
    return logistic(inputs[asked], right[asked], np.full(size + 2, _PENALTY), prior)
