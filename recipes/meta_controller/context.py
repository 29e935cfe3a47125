"""In context: a query attends over the nearest queries of the log and what each model did there.

A small set transformer. Attention is a kernel that is learnt, where `Neighbours` has a fixed one;
each head says how much its weighted mean of the verdicts counts, and what was seen may bend that.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.number import Floats, log_odds
from recipes.meta_controller.descent import Controller, Descent, descend, reader, singles

_NEARNESS = 5.0
"""How much a cosine counts in attention at first."""
_SAY = 1.0
"""Log-odds that all heads together give, at first, to a difference of one from the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Fits the set transformer."""

    d: int = 32
    heads: int = 4
    neighbours: int = 64
    axes: int = 64
    """Principal axes by which neighbours are seen."""
    dropout: float = 0.3
    descent: Descent = field(default_factory=Descent)

    def __call__(self, log: OutcomeLog, rng: np.random.Generator) -> Controller:
        """Learn from a log."""
        torch.manual_seed(int(rng.integers(2**31)))
        memory = _Memory(log, self)
        net = _Net(log, self)
        x, (places, cosine) = singles(log.x), memory.nearest(log.x, are_known=True)

        def inputs(rows: Tensor) -> tuple[Tensor, ...]:
            return memory.laid_out(x[rows], places[rows], cosine[rows])

        descend(net, inputs, log, self.descent, rng)
        return Controller(net, lambda q: memory.laid_out(singles(q), *memory.nearest(q)))


class _Memory:
    """The log's queries as neighbours of others."""

    def __init__(self, log: OutcomeLog, shape: Context) -> None:
        self.directions = _directions(log.x)
        centred = log.x - log.x.mean(axis=0)
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, : shape.axes]
        seen = centred @ axes
        self.seen = singles(seen / (seen.std(axis=0) + 1e-6))
        self.surplus = singles(log.filled - log.means)
        self.count = min(shape.neighbours, len(log.x) - 1)

    def nearest(self, x: Floats, *, are_known: bool = False) -> tuple[Tensor, Tensor]:
        """Return places and cosines `(q, k)`; what is known is no neighbour of itself."""
        cosine = _directions(x) @ self.directions.T
        if are_known:
            np.fill_diagonal(cosine, -2.0)
        places = np.argpartition(-cosine, self.count - 1, axis=1)[:, : self.count]
        return torch.tensor(places), singles(np.take_along_axis(cosine, places, axis=1))

    def laid_out(self, x: Tensor, places: Tensor, cosine: Tensor) -> tuple[Tensor, ...]:
        return x, self.seen[places], self.surplus[places], cosine


class _Net(nn.Module):
    def __init__(self, log: OutcomeLog, shape: Context) -> None:
        super().__init__()
        d, m = shape.d, len(log.models)
        self.heads, self.drop = shape.heads, nn.Dropout(shape.dropout)
        self.read = reader(log.x.shape[1], d, shape.dropout)
        self.kind = nn.Linear(d, max(1, log.n_kinds))
        self.see, self.hear = nn.Linear(min(shape.axes, log.x.shape[1]), d), nn.Linear(m, d)
        self.norm, self.between = nn.LayerNorm(d), nn.LayerNorm(d)
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        self.nearness = nn.Parameter(torch.full((shape.heads, 1), _NEARNESS))
        self.say, self.head = nn.Linear(d, shape.heads), nn.Linear(d, m, bias=False)
        nn.init.zeros_(self.say.weight)
        nn.init.constant_(self.say.bias, 4.0 * _SAY / shape.heads)
        nn.init.zeros_(self.head.weight)
        self.prior = nn.Parameter(singles(log_odds(log.means)))

    def forward(
        self, x: Tensor, seen: Tensor, surplus: Tensor, cosine: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Read queries (b, d), neighbours (b, k, axes), (b, k, m), (b, k) into log-odds, kinds."""
        read = self.read(x)
        near = self.see(seen) + self.hear(surplus)  # (b, k, d)
        q = self.q(self.norm(read)).unflatten(-1, (self.heads, -1))  # (b, h, d_head)
        k, v = (part(near).unflatten(-1, (self.heads, -1)) for part in (self.k, self.v))
        likeness = torch.einsum("bhd,bkhd->bhk", q, k) / q.shape[-1] ** 0.5
        share = (likeness + self.nearness * cosine[:, None]).softmax(dim=-1)  # (b, h, k)
        mixed = torch.einsum("bhk,bkhd->bhd", share, v).flatten(1)
        known = read + self.drop(self.out(mixed))
        known = known + self.drop(self.down(F.relu(self.up(self.between(known)))))
        local = torch.einsum("bh,bhm->bm", self.say(known), share @ surplus)
        return self.prior + self.head(known) + local, self.kind(read)


def _directions(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
