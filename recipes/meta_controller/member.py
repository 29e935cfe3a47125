"""What is stacked: the members that ship, and the controllers that would like to be among them."""

from collections.abc import Sequence
from itertools import count

import numpy as np

from modelnet.service.prediction.log import Fit, OutcomeLog, Predictor
from modelnet.service.prediction.network import Networks
from modelnet.service.prediction.stack import MEMBERS, Stack
from recipes.meta_controller.attention import Attention
from recipes.meta_controller.context import Context
from recipes.meta_controller.descent import Descent
from recipes.meta_controller.graph import Graph

_STRICT = Descent(decay=0.2)

SHAPES: dict[str, tuple[Fit, ...]] = {
    "attention": (
        Attention(),
        Attention(dropout=0.1, descent=_STRICT),
        Attention(dropout=0.5),
    ),
    "context": (
        Context(),
        Context(neighbours=32, dropout=0.5, descent=_STRICT),
        Context(d=16, dropout=0.2),
    ),
    "graph": (
        Graph(dropout=0.5),
        Graph(d=64, dropout=0.4, descent=_STRICT),
        Graph(),
    ),
}
"""What is tried of each controller."""

CHOSEN: dict[str, tuple[int, int, int]] = {
    "bfcl": (0, 0, 1),
    "zeroeval": (0, 0, 0),
    "mmlu_pro": (0, 1, 1),
}
"""Which shape of each has the lowest log loss on a fifth of the training part; see `--search`."""

_CONTROL = "another perceptron"
_CONTROL_SEED = 100
_FOLD_SEED = 0


class Remembered:
    """A fit that is made once for each log, from a seed of its own: stacks may share members."""

    def __init__(self, fit: Fit, seed: int) -> None:
        self._fit, self._seed, self._number = fit, seed, count()
        self._fitted: dict[bytes, Predictor] = {}

    def __call__(self, log: OutcomeLog, _: np.random.Generator) -> Predictor:
        """Return what was learnt of a log, now or before."""
        key = log.x[:, 0].tobytes() + log.right.tobytes()
        if key not in self._fitted:
            rng = np.random.default_rng([self._seed, next(self._number)])
            self._fitted[key] = self._fit(log, rng)
        return self._fitted[key]


def shipped(seed: int) -> list[Fit]:
    """Return the members of the stack."""
    return [Remembered(fit, seed) for fit in MEMBERS.values()]


def newcomers(name: str, seed: int) -> dict[str, Fit]:
    """Return what might join them on a set, by name; the last is there for comparison.

    One more perceptron tells what any further member is worth that only starts elsewhere.
    """
    chosen = CHOSEN.get(name, (0, 0, 0))
    found: dict[str, Fit] = {
        kind: Remembered(shapes[place], seed)
        for (kind, shapes), place in zip(SHAPES.items(), chosen, strict=True)
    }
    return found | {_CONTROL: Remembered(Networks.fit, seed + _CONTROL_SEED)}


def stacked(log: OutcomeLog, members: Sequence[Fit]) -> Stack:
    """Return a stack; every one has the same folds."""
    return Stack.fit(log, np.random.default_rng(_FOLD_SEED), members)
