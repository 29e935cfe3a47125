"""Deciding quickly: one query, many candidates, a fraction of a millisecond.

Two stages. The per-kind table values all candidates; the stack then looks closely at the few that
look best. All first layers are one matrix, so a query is multiplied once.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.log import DataError, Fit, OutcomeLog
from modelnet.service.prediction.network import Networks, item_response
from modelnet.service.prediction.number import P_LEAST, Floats, Ints, log_odds, sigmoid
from modelnet.service.prediction.stack import Stack
from modelnet.service.prediction.table import KindTable

QUICK: tuple[Fit, ...] = (KindTable.fit, Linear.fit, item_response, Networks.fit)
"""Members that need no search through the log."""

SHORTLIST = 64
"""Candidates that are looked at closely."""

_Singles = NDArray[np.float32]


class Ranking(NamedTuple):
    """Candidates for one query, best first."""

    models: Ints
    p: Floats
    """Probability of a right answer, of each of these."""


@dataclass(frozen=True, slots=True)
class Decider:
    """A stack of quick members, laid out for single queries."""

    first: _Singles
    """`(d + 1, hidden)`: kinds, then the hidden units of all networks, then nothing else."""
    n_kinds: int
    shares: _Singles
    """`(m, kinds)`: rows are candidates, which lie together in memory."""
    linear: _Singles
    """`(m, d + 1)`."""
    networks: tuple[tuple[bool, int, _Singles, _Singles], ...]
    """Each: whether it is linear, its hidden units, `(m, hidden)`, and biases `(m,)`."""
    groups: tuple[int, ...]
    """How many networks each member averages."""
    mean_odds: Floats
    weights: Floats

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Lay out a stack that was fitted with the members `QUICK`.

        Raises:
            DataError: it has other members.
        """
        match stack.members:
            case (KindTable() as table, Linear() as linear, *rest) if all(
                isinstance(net, Networks) for net in rest
            ):
                nets = [net for net in rest if isinstance(net, Networks)]
            case _:
                raise DataError("A decider is made of a stack of the members `QUICK`.")
        layers = [(net.shape.is_linear, layer) for net in nets for layer in net.members]
        firsts = [table.classifier.weights]
        firsts += [np.concatenate([layer.shift[None], layer.inward]) for _, layer in layers]
        return cls(
            np.concatenate(firsts, axis=1).astype(np.float32),
            table.shares.shape[0],
            np.ascontiguousarray(table.shares.T, dtype=np.float32),
            np.ascontiguousarray(linear.weights.T, dtype=np.float32),
            tuple(
                (
                    is_linear,
                    layer.inward.shape[1],
                    np.ascontiguousarray(layer.outward.T, dtype=np.float32),
                    layer.bias.astype(np.float32),
                )
                for is_linear, layer in layers
            ),
            tuple(len(net.members) for net in nets),
            log_odds(stack.means),
            stack.weights,
        )

    def rank(self, x: Floats, charge: Floats, count: int = SHORTLIST) -> Ranking:
        """Order candidates by probability less charge.

        `x (d,)` is the query, `charge (m,)` what asking each costs in probability.
        """
        query = np.concatenate([[1.0], x]).astype(np.float32)
        sums = query @ self.first
        odds = np.exp(sums[: self.n_kinds] - sums[: self.n_kinds].max())
        by_table = self.shares @ (odds / odds.sum())
        worth = by_table - charge
        few = np.arange(len(worth))
        if len(worth) > count:
            few = np.argpartition(-worth, count - 1)[:count]
        p = self._stacked(query, sums[self.n_kinds :], by_table, few)
        order = np.argsort(charge[few] - p, kind="stable")
        return Ranking(few[order], p[order])

    def _stacked(self, query: _Singles, hidden: _Singles, by_table: _Singles, few: Ints) -> Floats:
        parts = [by_table[few], np.clip(self.linear[few] @ query, 0.0, 1.0)]
        start = place = 0
        for size in self.groups:
            total = np.zeros(len(few), np.float32)
            for is_linear, width, outward, bias in self.networks[place : place + size]:
                units = hidden[start : start + width]
                units = units if is_linear else np.maximum(units, 0.0)
                total += 1.0 / (1.0 + np.exp(-(outward[few] @ units + bias[few])))
                start += width
            parts.append(total / size)
            place += size
        odds = log_odds(np.stack(parts, axis=1).astype(np.float64))
        score = odds @ self.weights[:-2] + self.mean_odds[few] * self.weights[-2] + self.weights[-1]
        return np.clip(sigmoid(score), P_LEAST, 1.0 - P_LEAST)


def quick_stack(log: OutcomeLog, rng: np.random.Generator) -> Stack:
    """Fit a stack that `Decider.of` takes."""
    return Stack.fit(log, rng, QUICK)
