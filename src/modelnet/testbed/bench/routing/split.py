"""One division of a set: what is learnt from, what choices are made on, and what is told of."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modelnet.service.prediction.cascade import Run
from modelnet.testbed.bench.routing.baseline import baselines
from modelnet.testbed.bench.routing.data import Part, read_part
from modelnet.testbed.bench.routing.embedding import embedded
from modelnet.testbed.bench.routing.online import Panels, accuracies, alone, picking, ranked
from modelnet.testbed.bench.routing.score import Answered
from modelnet.testbed.bench.routing.study import PointName, Study, study

HALVES = 2
SEED = 0

Rates = dict[str, dict[str, float]]
"""Accuracies in percent by way of answering and by the rate at which models are online."""


class Split(NamedTuple):
    """A set, divided."""

    train: Part
    chosen_on: Part
    test: Part


class Told(NamedTuple):
    """What was found with one division."""

    study: Study
    others: dict[str, Answered]
    """Baselines by name."""
    online: Rates
    test: Part

    def at(self, name: PointName) -> Answered:
        """Return what our router did at one of its points."""
        return answered(self.study.points[name], self.study)

    def runs(self) -> list[Answered]:
        """Return what it did at every charge."""
        return [answered(run, self.study) for run in self.study.runs]


def split(data: Path, name: str, part: str | None, place: int) -> Split:
    """Return a division: of the part named, or else of dev, of which `place` is the half told of.

    Raises:
        InvalidRequestError: the data are not there, or are not what they should be.
    """
    train, dev = (read_part(data / name, which, embedded) for which in ("train", "dev"))
    if part is not None and part != "dev":
        return Split(train, dev, read_part(data / name, part, embedded))
    halves = np.random.default_rng(SEED).permutation(len(dev.right)) % HALVES
    return Split(train, dev.rows(halves != place), dev.rows(halves == place))


def told(data: Path, name: str, part: str | None, place: int) -> Told:
    """Return what is found with a division.

    Raises:
        InvalidRequestError: the data are not there, or are not what they should be.
    """
    train, chosen_on, test = split(data, name, part, place)
    rng = np.random.default_rng(SEED)
    found = study(train, chosen_on, test, rng)
    others = baselines(train, chosen_on, test, rng)
    return Told(found, others, _online(found, rng), test)


def answered(run: Run, of: Study) -> Answered:
    """Return a run as it is scored."""
    return Answered(run.right, run.cost, run.latency_s if of.best.latency_s is not None else None)


def mean_rates(measured: Sequence[Rates]) -> Rates:
    """Return the mean over divisions."""
    return {
        name: {
            rate: float(np.mean([one[name][rate] for one in measured]))
            for rate in measured[0][name]
        }
        for name in measured[0]
    }


def _online(one: Study, rng: np.random.Generator) -> Rates:
    """Return what is left of the accuracy when models come and go."""
    fitted, table = one.fitted, one.table
    budget = float(fitted.learnt.cost[:, fitted.best_single].mean())
    panels = Panels.proven(fitted.agreement, fitted.learnt, budget, rng)
    ways = {
        "ours": picking(table) if panels is None else panels.way(table),
        "most probable": picking(table),
        "ranked fallback": ranked(table, np.argsort(-fitted.learnt.right.mean(axis=0))),
        "best single": alone(table, fitted.best_single),
    }
    return accuracies(ways, table.right.shape, rng)
