"""Where a question lies: by what the encoder says of it, or else by its hashed words. Pure."""

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from modelnet.service.analysis import TaskFeatures
from modelnet.service.neighbourhood import SIZE

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

WORDS: Final = 256
"""Numbers in a vector of hashed words: `prediction.hashing.SIZE`, which costs an import."""
SIZES: Final = (SIZE, WORDS)
"""The two kinds of vector are told apart by their sizes."""
_PACKED: Final = "<f2"


def words_of(text: str) -> "Array":
    """Return the hashed words of a text, float32 `(WORDS,)`, of length 1."""
    import numpy as np

    from modelnet.service.prediction.hashing import hashed

    return hashed([text])[0].astype(np.float32)


def place_of(features: TaskFeatures) -> "Array | None":
    """Return where a question lies, of length 1; `None` where that is not known."""
    for vector in (features.embedding, features.words):
        if vector is not None and (found := _direction(vector)) is not None:
            return found
    return None


def unpacked(packed: bytes) -> "Array | None":
    """Return the direction that a verdict was kept with; `None` where it is none."""
    import numpy as np

    if len(packed) % 2:
        return None
    return _direction(np.frombuffer(packed, _PACKED))


def _direction(vector: "Array") -> "Array | None":
    import numpy as np

    if vector.ndim != 1 or vector.shape[0] not in SIZES:
        return None
    whole = vector.astype(np.float32)
    length = float(np.linalg.norm(whole))
    return whole / length if math.isfinite(length) and length > 0.0 else None
