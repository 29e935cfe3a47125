"""From the hidden states of a text to its one vector, as sentence-transformers does it. Pure."""

from modelnet.resource.backend.transformers.array import Floats
from modelnet.resource.backend.transformers.folder import Embedder


def pool(states: Floats, embedder: Embedder) -> bytes:
    """Return the vector of a text as little-endian float32; `states` are (tokens, hidden size)."""
    import numpy as np

    match embedder.pooling:
        case "mean":
            vector = states.mean(axis=0)
        case "first":
            vector = states[0]
        case "last":
            vector = states[-1]
    if embedder.is_normalised:
        vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return vector.astype("<f4").tobytes()
