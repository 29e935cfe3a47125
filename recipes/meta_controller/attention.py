"""A transformer over models: a token each, all of them beside that of the query.

As in "One Head, Many Models" (2025) models are embedded and the query decides by attention among
them; here tokens of models also attend to each other.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.number import log_odds
from recipes.meta_controller.descent import Controller, Descent, descend, reader, singles

_READ = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Fits the transformer."""

    d: int = 16
    heads: int = 4
    dropout: float = 0.3
    descent: Descent = field(default_factory=Descent)

    def __call__(self, log: OutcomeLog, rng: np.random.Generator) -> Controller:
        """Learn from a log."""
        torch.manual_seed(int(rng.integers(2**31)))
        net = _Net(log, self)
        x = singles(log.x)
        descend(net, lambda rows: (x[rows],), log, self.descent, rng)
        return Controller(net, lambda queries: (singles(queries),))


class _Net(nn.Module):
    def __init__(self, log: OutcomeLog, shape: Attention) -> None:
        super().__init__()
        d, m = shape.d, len(log.models)
        self.read = reader(log.x.shape[1], _READ, shape.dropout)
        self.kind = nn.Linear(_READ, max(1, log.n_kinds))
        self.query, self.scale = nn.Linear(_READ, d), nn.Linear(_READ, d)
        self.models = nn.Parameter(0.5 * torch.randn(m, d))
        self.block = _Block(d, shape.heads, shape.dropout)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 1)
        nn.init.zeros_(self.head.weight)
        self.prior = nn.Parameter(singles(log_odds(log.means)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Read queries (b, d) into log-odds (b, m) and logits of kinds (b, k)."""
        read = self.read(x)
        models = self.models * (1.0 + self.scale(read)[:, None])  # (b, m, d)
        tokens = torch.cat([self.query(read)[:, None], models], dim=1)  # (b, 1 + m, d)
        mixed = self.norm(self.block(tokens)[:, 1:])
        return self.head(mixed)[..., 0] + self.prior, self.kind(read)


class _Block(nn.Module):
    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.drop = heads, nn.Dropout(dropout)
        self.before, self.between = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, tokens: Tensor) -> Tensor:
        b, n, d = tokens.shape
        qkv = self.qkv(self.before(tokens)).view(b, n, 3, self.heads, d // self.heads)
        mixed = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        tokens = tokens + self.drop(self.out(mixed.transpose(1, 2).reshape(b, n, d)))
        bent = F.relu(self.up(self.between(tokens)))
        return tokens + self.drop(self.down(bent))
