"""Never worse where it matters most: a whole domain of queries that was not in the training.

Told of is the point "equal cost" on all queries, those of the unseen domain among them.
"""

from pathlib import Path

import numpy as np

from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.score import Point, point
from modelnet.testbed.bench.routing.split import SEED, answered, split
from modelnet.testbed.bench.routing.study import study

MOST_TRAINED = 2500
"""Queries that are learnt from at most: there is one study a domain."""


def told_without(data: Path, name: str, part: str | None, domain: str) -> Point:
    """Return what becomes of a set that was learnt without any query of one domain.

    The part named is told of, or else one half of dev.

    Raises:
        InvalidRequestError: the data are not there, or are not what they should be.
    """
    train, chosen_on, test = split(data, name, part, 0)
    rng = np.random.default_rng(SEED)
    found = study(_thinned(_lacking(train, domain), rng), _lacking(chosen_on, domain), test, rng)
    return point(answered(found.points["equal_cost"], found), found.best, rng)


def _lacking(part: Part, domain: str) -> Part:
    return part.rows(np.array([name != domain for name in part.domains]))


def _thinned(part: Part, rng: np.random.Generator) -> Part:
    kept = rng.permutation(len(part.right)) < MOST_TRAINED
    return part.rows(kept)
