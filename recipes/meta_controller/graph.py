"""A bipartite graph of queries and models: verdicts are its edges, and missing ones are predicted.

After GraphRouter (Feng et al., 2024), whose kinds of tasks are nodes; here telling the kind is a
second task, as a router is not told it. A batch sees a sample of the other queries as its graph
(as GraphSAGE does, Hamilton et al., 2017), never its own edges. A new query has no edges: it hears
from queries like it.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.number import log_odds
from recipes.meta_controller.descent import Controller, Descent, descend, reader, singles

_LOUDNESS = 4.0
"""Of a message: verdicts less a model's mean are small numbers."""
_SHARPNESS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Fits the graph network."""

    d: int = 32
    supports: int = 512
    """Queries of the graph that a batch sees in training."""
    most_supports: int = 2048
    """The same afterwards."""
    dropout: float = 0.3
    descent: Descent = field(default_factory=Descent)

    def __call__(self, log: OutcomeLog, rng: np.random.Generator) -> Controller:
        """Learn from a log."""
        torch.manual_seed(int(rng.integers(2**31)))
        net = _Net(log, self)
        x, surplus = singles(log.x), singles(log.filled - log.means)

        def inputs(rows: Tensor) -> tuple[Tensor, ...]:
            is_free = torch.ones(len(x), dtype=torch.bool)
            is_free[rows] = False
            others = is_free.nonzero()[:, 0]
            picked = others[torch.randperm(len(others))[: self.supports]]
            return x[rows], x[picked], surplus[picked]

        descend(net, inputs, log, self.descent, rng)
        kept = torch.from_numpy(rng.permutation(len(x))[: self.most_supports])
        return Controller(net, lambda queries: (singles(queries), x[kept], surplus[kept]))


class _Net(nn.Module):
    def __init__(self, log: OutcomeLog, shape: Graph) -> None:
        super().__init__()
        d, m = shape.d, len(log.models)
        self.drop = nn.Dropout(shape.dropout)
        self.read = reader(log.x.shape[1], d, shape.dropout)
        self.kind = nn.Linear(d, max(1, log.n_kinds))
        self.models = nn.Parameter(0.3 * torch.randn(m, d))
        self.own_model, self.own_query, self.own = (nn.Linear(d, d) for _ in range(3))
        self.to_model, self.to_query, self.near = (nn.Linear(d, d, bias=False) for _ in range(3))
        self.ask, self.key = (nn.Linear(d, d, bias=False) for _ in range(2))
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))
        self.left, self.right = nn.Linear(d, d), nn.Linear(d, d)
        nn.init.normal_(self.left.weight, std=0.02)
        self.prior = nn.Parameter(singles(log_odds(log.means)))

    def forward(self, x: Tensor, others: Tensor, surplus: Tensor) -> tuple[Tensor, Tensor]:
        """Read queries (b, d), the graph's (s, d) and edges (s, m) into log-odds and kinds."""
        queries, models = self.read(others), self.models
        to_models, to_queries = surplus.T / len(surplus), surplus / surplus.shape[1]
        told = self.to_model(_LOUDNESS * to_models @ queries)
        models = F.relu(self.own_model(models) + told)  # (m, d)
        heard = self.own_query(queries) + self.to_query(_LOUDNESS * to_queries @ models)
        informed = F.relu(heard)  # (s, d)
        told = self.to_model(_LOUDNESS * to_models @ informed)
        models = models + F.relu(self.own_model(models) + told)
        read = self.read(x)
        likeness = F.normalize(self.ask(read)) @ F.normalize(self.key(queries)).T  # (b, s)
        near = (self.sharpness * likeness).softmax(dim=1) @ informed
        known = F.relu(self.own(read) + self.drop(self.near(near)))
        return self.prior + self.left(known) @ self.right(models).T, self.kind(read)
