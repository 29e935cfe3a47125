"""Reading the header of a GGUF file: what the model is, and whether the file is whole.

llama.cpp may abort the process on a file that is cut short or corrupt, so the header is checked
here first. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from modelnet.core.error import ModelFileError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_MAX_DIMENSIONS = 4
_MAX_ENTRIES = 1 << 24
"""More keys, tensors or array items than any model has: a count beyond it is garbage."""

_ALIGNMENT = 32
_VOCABULARY = "tokenizer.ggml.tokens"

# Tensor type -> (elements in a block, bytes of a block).
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36),
    41: (128, 18),
}  # fmt: skip


class GgufHeader(msgspec.Struct, frozen=True):
    """What a GGUF file says of itself. Of an array only the length is kept."""

    metadata: dict[str, Any]
    parameters: int
    """Number of weights."""

    @property
    def architecture(self) -> str:
        """The family of models, like `llama`."""
        return self.metadata["general.architecture"]

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained to attend to, where the file says so."""
        return self._positive("context_length")

    @property
    def hidden_size(self) -> int | None:
        """Numbers in a hidden state, where the file says so."""
        return self._positive("embedding_length")

    @property
    def embedding_size(self) -> int | None:
        """Numbers in a pooled vector, where the file says so: some models project it."""
        return self._positive("embedding_length_out") or self.hidden_size

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens; 0 where the file lists none."""
        length = self.metadata.get(_VOCABULARY, 0)
        return length if isinstance(length, int) else 0

    def _positive(self, key: str) -> int | None:
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and value > 0 else None

    def text(self, key: str) -> str:
        """Return a text of the metadata, empty where the file has none."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    @property
    def is_embedder(self) -> bool:
        """Whether the model was made to embed: it says how to pool its hidden states."""
        return bool(self.metadata.get(f"{self.architecture}.pooling_type"))


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of a GGUF file.

    Raises:
        ModelFileError: the file is missing, unreadable, not GGUF, cut short or corrupt.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data).read()
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be read ({error.strerror}); check the path."
        ) from error
    except ValueError as error:
        raise ModelFileError(f"{path} is empty; download it again.") from error


class _Reader:
    """Walks through the bytes of a header, believing none of them."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path = path
        self._data = data
        self._at = 0

    def read(self) -> GgufHeader:
        if self._take(len(_MAGIC)) != _MAGIC:
            raise ModelFileError(f"{self._path} is not a GGUF file; give the path of one.")
        if (version := self._number("<I")) not in _VERSIONS:
            raise ModelFileError(
                f"{self._path} is GGUF version {version}, which is not supported; convert it anew."
            )
        tensors, entries = self._count(), self._count()
        metadata = dict(self._entry() for _ in range(entries))
        if not isinstance(metadata.get("general.architecture"), str):
            raise self._corrupt("it names no architecture")
        if any(
            k.endswith("_epsilon") and v < 0 for k, v in metadata.items() if isinstance(v, float)
        ):
            raise self._corrupt("it divides by a negative number")
        return GgufHeader(metadata, self._read_tensors(tensors, metadata))

    def _read_tensors(self, count: int, metadata: dict[str, Any]) -> int:
        sizes = [self._tensor() for _ in range(count)]
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise self._corrupt("its alignment is not a number")
        start = -(-self._at // alignment) * alignment
        if any(start + end > len(self._data) for _, end in sizes):
            raise self._corrupt("weights are missing at its end")
        return sum(elements for elements, _ in sizes)

    def _tensor(self) -> tuple[int, int]:
        """Return how many elements a tensor has, and where it ends after the header."""
        self._text()
        dimensions = self._number("<I")
        if not 0 < dimensions <= _MAX_DIMENSIONS:
            raise self._corrupt(f"a tensor has {dimensions} dimensions")
        elements = prod(self._number("<Q") for _ in range(dimensions))
        kind, offset = self._number("<I"), self._number("<Q")
        # A type that is newer than this table is llama.cpp's to judge.
        block_elements, block_bytes = _BLOCKS.get(kind, (1, 0))
        return elements, offset + elements // block_elements * block_bytes

    def _entry(self) -> tuple[str, Any]:
        key, kind = self._text(), self._number("<I")
        if key == _VOCABULARY and kind == _ARRAY:
            return key, self._vocabulary()
        return key, self._value(kind)

    def _vocabulary(self) -> int:
        """Read the tokens and return how many there are; llama.cpp aborts on two alike."""
        if self._number("<I") != _STRING:
            raise self._corrupt("its tokens are not text")
        length = self._count()
        # As llama.cpp sees them: a token ends at its first zero byte, and empty ones may repeat.
        seen = (self._take(self._number("<Q")).partition(b"\0")[0] for _ in range(length))
        tokens = [token for token in seen if token]
        if len(set(tokens)) != len(tokens):
            raise self._corrupt("two of its tokens are the same")
        return length

    def _value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array()
        raise self._corrupt(f"a value is of the unknown type {kind}")

    def _array(self) -> int:
        """Skip an array and return its length."""
        kind, length = self._number("<I"), self._count()
        if kind in _SCALARS:
            self._take(struct.calcsize(_SCALARS[kind]) * length)
        elif kind == _STRING:
            for _ in range(length):
                self._take(self._number("<Q"))
        else:
            raise self._corrupt(f"an array is of the unknown type {kind}")
        return length

    def _text(self) -> str:
        return self._take(self._number("<Q")).decode("utf-8", "replace")

    def _count(self) -> int:
        count = self._number("<Q")
        if count > _MAX_ENTRIES:
            raise self._corrupt(f"it claims {count} entries")
        return count

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise self._corrupt("it ends within its header")
        taken, self._at = self._data[self._at : end], end
        return taken

    def _corrupt(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self._path} is corrupt: {what}; download it again.")
