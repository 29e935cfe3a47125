"""Muon (Keller Jordan, 2024): momentum whose update matrices are made orthogonal.

Matrices of equal shape are stacked and orthogonalised together, which matters when they are small.
"""

from collections.abc import Iterable
from itertools import groupby

import torch
from torch import Tensor

# Coefficients of the quintic Newton-Schulz iteration, from the original publication.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_N_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Optimises matrices; `lr` is the root mean square of each update's entries times five."""

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0
    ) -> None:
        super().__init__(
            sorted(matrices, key=_long_side_last),
            {"lr": lr, "momentum": momentum, "weight_decay": weight_decay},
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002 - the signature is torch's
        """Update every matrix from its gradient."""
        for group in self.param_groups:
            for _, matrices in groupby(group["params"], key=_long_side_last):
                self._update(list(matrices), group)

    def _update(self, matrices: list[Tensor], group: dict[str, float]) -> None:
        directions = [self._direction(matrix, group["momentum"]) for matrix in matrices]
        stacked = orthogonal(torch.stack([_wide(direction) for direction in directions]))
        scale = 0.2 * max(stacked.shape[1:]) ** 0.5 * group["lr"]
        for matrix, update in zip(matrices, stacked, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.sub_(scale * (update if _is_wide(matrix) else update.T))

    def _direction(self, matrix: Tensor, momentum: float) -> Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        average: Tensor = state["momentum"]
        average.lerp_(matrix.grad, 1 - momentum)
        return torch.lerp(matrix.grad, average, momentum)  # Nesterov's look-ahead


def orthogonal(matrices: Tensor) -> Tensor:
    """Bring all singular values near one: (n, rows, columns) to the same, rows <= columns."""
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_N_ITERATIONS):
        gram = x @ x.mT  # (n, rows, rows)
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x


def _is_wide(matrix: Tensor) -> bool:
    return matrix.shape[0] <= matrix.shape[1]


def _wide(matrix: Tensor) -> Tensor:
    return matrix if _is_wide(matrix) else matrix.T


def _long_side_last(matrix: Tensor) -> tuple[int, ...]:
    return tuple(sorted(matrix.shape))
