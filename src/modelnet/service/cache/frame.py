"""Questions of which all else is equal, and where they lie: a matrix that grows. Pure."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_LEAST = 16


class Frame:
    """Keys and their embeddings, a row each."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._rows: dict[bytes, int] = {}
        self._vectors: Array | None = None

    def __len__(self) -> int:
        """Count them."""
        return len(self._keys)

    def put(self, key: bytes, vector: "Array") -> None:
        """Add a question, float32 `(size,)`."""
        row = self._rows.get(key)
        if row is None:
            row = len(self._keys)
            self._rows[key] = row
            self._keys.append(key)
        self._room(row + 1, vector)[row] = vector

    def remove(self, key: bytes) -> None:
        """Take a question out, if it is here; the last takes its row."""
        row = self._rows.pop(key, None)
        if row is None or self._vectors is None:
            return
        last = self._keys.pop()
        if last != key:
            self._keys[row] = last
            self._rows[last] = row
            self._vectors[row] = self._vectors[len(self._keys)]

    def nearest(self, vector: "Array", count: int) -> list[tuple[bytes, float]]:
        """Return so many keys and cosines, the nearest first; what is no number comes last."""
        import numpy as np

        if self._vectors is None or not self._keys:
            return []
        cosines = np.nan_to_num(np.vecdot(self._vectors[: len(self._keys)], vector), nan=-1.0)
        return [(self._keys[i], float(cosines[i])) for i in np.argsort(-cosines)[:count]]

    def _room(self, rows: int, vector: "Array") -> "Array":
        import numpy as np

        if self._vectors is None or len(self._vectors) < rows:
            grown = np.zeros((max(_LEAST, 2 * (rows - 1)), len(vector)), dtype=np.float32)
            if self._vectors is not None:
                grown[: len(self._vectors)] = self._vectors
            self._vectors = grown
        return self._vectors
