"""The bundled table: kinds of question, where they lie, and how often public models were right."""

import functools
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

FILE: Final = "known_models.msgpack"
SHARES: Final = 255.0
"""A share of right answers is kept as a byte, this being all of them."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of public models, kind by kind."""

    kinds: tuple[str, ...]
    """Their names."""
    meaning: bytes
    """Directions of the kinds as the encoder sees them, float16 `(kinds, 384)`."""
    words: bytes
    """Directions of the kinds by hashed words, float16 `(kinds, 256)`."""
    models: dict[str, bytes]
    """Shares of right answers by plain name, a byte a kind."""

    def centres(self, size: int) -> "Array | None":
        """Return the directions of the kinds among vectors of so many numbers, if there are any.

        float32 `(kinds, size)`, rows of length 1.
        """
        import numpy as np

        for packed in (self.meaning, self.words):
            if len(packed) == 2 * size * len(self.kinds) > 0:
                rows = np.frombuffer(packed, "<f2").astype(np.float32)
                rows = rows.reshape(len(self.kinds), size)
                lengths = np.linalg.norm(rows, axis=1, keepdims=True)
                return rows / np.maximum(lengths, np.float32(1e-6))
        return None

    def shares(self) -> "Array":
        """Return how often models were right, 0 to 1, `(models, kinds)`."""
        import numpy as np

        rows = [np.frombuffer(row, np.uint8) for row in self.models.values()]
        return np.stack(rows) / SHARES if rows else np.zeros((0, len(self.kinds)))


def bundled_centres(size: int) -> "Array | None":
    """Return the directions of the bundled kinds among vectors of a size, as `Table.centres`."""
    return bundled().centres(size)


@functools.cache
def bundled() -> Table:
    """Return the table in this package."""
    packed = resources.files("modelnet.service.known").joinpath(FILE).read_bytes()
    return msgspec.msgpack.decode(packed, type=Table)
