"""How every controller is trained, and what it is once it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Floats

_FEWEST_EPOCHS, _MOST_EPOCHS = 12, 40
_WARMING_STEPS = 20
_QUERIES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """AdamW over the log loss; the rate falls by a cosine."""

    shown: int = 60_000
    """Queries shown altogether, where that is neither too few epochs nor too many."""
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    kind_worth: float = 0.3
    """Of telling the kind of a query as well: a second task, without which small logs overfit."""

    def epochs(self, n: int) -> int:
        """Return how often each of `n` queries is shown."""
        return min(max(self.shown // n, _FEWEST_EPOCHS), _MOST_EPOCHS)


@dataclass(frozen=True, slots=True)
class Controller:
    """A trained network, and how a query is laid out for it."""

    net: nn.Module
    inputs: Callable[[Floats], tuple[Tensor, ...]]

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        blocks = np.split(x, range(_QUERIES_AT_ONCE, len(x), _QUERIES_AT_ONCE))
        with torch.no_grad():
            said = [self.net(*self.inputs(block))[0].sigmoid() for block in blocks]
        return torch.cat(said).double().numpy()[:, columns(models)]


def descend(
    net: nn.Module,
    inputs: Callable[[Tensor], tuple[Tensor, ...]],
    log: OutcomeLog,
    how: Descent,
    rng: np.random.Generator,
) -> None:
    """Train in place; `inputs` lays out some rows of the log.

    The network returns log-odds `(b, m)` of being right, and logits `(b, kinds)`.
    """
    right, kinds = singles(log.right), torch.tensor(log.kinds)
    epochs = how.epochs(len(right))
    optimizer, schedule = _optimizer(net, how, epochs * math.ceil(len(right) / how.batch))
    net.train()
    for _ in range(epochs):
        for rows in torch.from_numpy(rng.permutation(len(right))).split(how.batch):
            odds, named = net(*inputs(rows))
            asked = ~right[rows].isnan()
            loss = F.binary_cross_entropy_with_logits(odds[asked], right[rows][asked])
            if (kinds[rows] >= 0).any():
                told = F.cross_entropy(named, kinds[rows], ignore_index=-1)
                loss = loss + how.kind_worth * told
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()


def singles(x: Floats) -> Tensor:
    """Return an array as torch has it, in single precision."""
    return torch.tensor(x, dtype=torch.float32)


def reader(d_in: int, d_out: int, dropout: float) -> nn.Sequential:
    """Return the layer that reads the features of a query, as the shipped perceptron does."""
    return nn.Sequential(nn.Dropout(0.15), nn.Linear(d_in, d_out), nn.ReLU(), nn.Dropout(dropout))


def _optimizer(
    net: nn.Module, how: Descent, steps: int
) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.LambdaLR]:
    matrices = [weight for weight in net.parameters() if weight.ndim > 1]
    others = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": how.decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=how.rate, betas=(0.9, 0.99))

    def rate(step: int) -> float:
        cosine = 0.5 * (1.0 + math.cos(math.pi * step / steps))
        return min(1.0, (step + 1) / _WARMING_STEPS) * cosine

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
