"""From the hidden states of a text's tokens to its one vector. Pure."""

from typing import Literal, NamedTuple, TypeAlias, assert_never

from modelnet.resource.backend.typed.array import Array

Pooling: TypeAlias = Literal["mean", "cls", "max", "last"]


class Pooler(NamedTuple):
    """How the vectors of a model are made of its hidden states."""

    pooling: Pooling | None = "mean"
    """`None` where it is not known: then there are no vectors."""
    is_normalised: bool = False
    """Whether vectors are brought to a length of 1."""

    def pool(self, states: Array, mask: Array) -> "Array | None":
        """Return a vector a text, `(batch, hidden)`; see `pooled`."""
        if self.pooling is None:
            return None
        vectors = pooled(states, mask, self.pooling)
        return normalised(vectors) if self.is_normalised else vectors


def pooled(states: Array, mask: Array, pooling: Pooling) -> Array:
    """Return a vector a text, `(batch, hidden)`.

    Args:
        states: `(batch, seq, hidden)`, padded at the end.
        mask: `(batch, seq)`, 1 where a token is and 0 where padding is; never 0 all through.
        pooling: how; `mean` is that of Reimers and Gurevych (arXiv 1908.10084).
    """
    import numpy as np

    counts = mask.sum(axis=1, keepdims=True)
    match pooling:
        case "cls":
            return states[:, 0]
        case "last":
            return states[np.arange(len(states)), counts[:, 0] - 1]
        case "max":
            return np.where(mask[:, :, None] > 0, states, -np.inf).max(axis=1)
        case "mean":
            return (states * mask[:, :, None]).sum(axis=1) / counts
        case _:
            assert_never(pooling)


def normalised(vectors: Array) -> Array:
    """Return vectors `(batch, hidden)` brought to a length of 1; a vector of zeros stays one."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
