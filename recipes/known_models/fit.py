"""Kinds of question from the domains of sets, and how often public models are right on each.

Where a model was not asked about a kind, what is expected follows from how able it is elsewhere and
how easy the kind is for others, added in log-odds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from modelnet.service.known.table import SHARES, Table
from recipes.known_models.data import Recorded

_DRAWN = 8.0
"""Questions that what is expected of a model on a kind is worth against those it was asked."""
_ABILITY_DRAWN = 0.5
_ROUNDS = 100
_LEAST = 0.02


class Counts(NamedTuple):
    """What models did on kinds, each `(models, kinds)`."""

    right: np.ndarray
    asked: np.ndarray


def fitted(sets: Sequence[Recorded]) -> Table:
    """Return the table of what some sets tell."""
    kinds = tuple(sorted({kind for one in sets for kind in one.kinds}))
    models = tuple(sorted({model for one in sets for model in one.models}))
    shares = expected(counted(sets, models, kinds))
    return Table(
        kinds=kinds,
        meaning=_centres([(one.kinds, one.meaning) for one in sets], kinds),
        words=_centres([(one.kinds, one.words) for one in sets], kinds),
        models={
            model: np.rint(row * SHARES).astype(np.uint8).tobytes()
            for model, row in zip(models, shares, strict=True)
        },
    )


def counted(sets: Sequence[Recorded], models: Sequence[str], kinds: Sequence[str]) -> Counts:
    """Count right answers; of variants of a model in one set the best on the whole counts."""
    right, asked = np.zeros((2, len(models), len(kinds)))
    for one in sets:
        of = np.array([kinds.index(kind) for kind in one.kinds])
        overall = one.right.mean(axis=0)
        for name in set(one.models):
            variants = [place for place, model in enumerate(one.models) if model == name]
            best = max(variants, key=lambda place: overall[place])
            row = models.index(name)
            right[row] += np.bincount(of, one.right[:, best], len(kinds))
            asked[row] += np.bincount(of, minlength=len(kinds))
    return Counts(right, asked)


def expected(counts: Counts) -> np.ndarray:
    """Return shares of right answers, `(models, kinds)`, by alternating least squares."""
    is_known = counts.asked > 0
    share = np.where(is_known, (counts.right + 1.0) / (counts.asked + 2.0), 0.5)
    odds = np.log(share / (1.0 - share))
    ability, ease = np.zeros(len(odds)), np.zeros(odds.shape[1])
    for _ in range(_ROUNDS):
        ease = (is_known * (odds - ability[:, None])).sum(0) / np.maximum(is_known.sum(0), 1)
        surplus = (is_known * (odds - ease)).sum(1)
        ability = surplus / (is_known.sum(1) + _ABILITY_DRAWN)
    prior = 1.0 / (1.0 + np.exp(-ability[:, None] - ease))
    shares = (counts.right + _DRAWN * prior) / (counts.asked + _DRAWN)
    return np.clip(shares, _LEAST, 1.0 - _LEAST)


def _centres(sets: Sequence[tuple[tuple[str, ...], np.ndarray]], kinds: Sequence[str]) -> bytes:
    """Return the mean direction of every kind, packed."""
    centres = []
    for kind in kinds:
        rows = [vectors[[name == kind for name in names]] for names, vectors in sets]
        mean = np.concatenate(rows).mean(axis=0)
        centres.append(mean / np.linalg.norm(mean))
    return np.stack(centres).astype("<f2").tobytes()
