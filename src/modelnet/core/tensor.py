"""Named arrays of numbers or bytes, as the Open Inference Protocol v2 has them."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import Literal, TypeAlias

import msgspec

from modelnet.core.error import InvalidRequestError

Datatype: TypeAlias = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "BF16", "FP32", "FP64", "BYTES",
]  # fmt: skip
"""The element types of the Open Inference Protocol; `BYTES` are strings of bytes of any length."""

ITEM_BYTES: dict[Datatype, int] = {
    "BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8,
    "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
    "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}  # fmt: skip
"""Size of an element; `BYTES` have none."""

ANY = -1
"""A dimension of any size."""

MAX_STRINGS = 1 << 20
"""Of a `BYTES` tensor: more than any batch has, and soon counted."""

_LENGTH_BYTES = 4


class TensorSpec(msgspec.Struct, frozen=True):
    """What a model takes or gives under a name; `-1` in the shape is any size."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...] = ()

    def takes(self, given: "TensorSpec") -> bool:
        """Whether a tensor of that name, type and shape fits."""
        return (
            (self.name, self.datatype) == (given.name, given.datatype)
            and len(self.shape) == len(given.shape)
            and all(mine in (ANY, size) for mine, size in zip(self.shape, given.shape, strict=True))
        )


class Tensor(msgspec.Struct, frozen=True, array_like=True):
    """One array: its elements in row-major order, little-endian.

    Each element of `BYTES` is led by its length, four bytes little-endian.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    data: bytes

    @property
    def spec(self) -> TensorSpec:
        """Its name, type and shape."""
        return TensorSpec(self.name, self.datatype, self.shape)

    @property
    def size(self) -> int:
        """How many elements the shape has room for."""
        return math.prod(self.shape)

    def check(self) -> None:
        """Return if the data are what datatype and shape say.

        Raises:
            InvalidRequestError: they are not.
        """
        if any(size < 0 for size in self.shape):
            raise InvalidRequestError(f"The tensor {self.name!r} has a negative dimension.")
        found = len(self.data)
        if self.datatype == "BYTES":
            if self.size > MAX_STRINGS:
                raise InvalidRequestError(
                    f"The tensor {self.name!r} has room for {self.size} strings; {MAX_STRINGS} "
                    "are the most."
                )
            if sum(1 for _ in islice(_strings(self), self.size + 1)) != self.size:
                raise InvalidRequestError(
                    f"The shape of the tensor {self.name!r} has room for {self.size} strings; "
                    "it holds another number."
                )
        elif found != (due := self.size * ITEM_BYTES[self.datatype]):
            raise InvalidRequestError(
                f"The tensor {self.name!r} holds {found} bytes; its shape and type make {due}."
            )


def byte_strings(tensor: Tensor) -> list[bytes]:
    """Return the elements of a `BYTES` tensor.

    Raises:
        InvalidRequestError: a length leads beyond the data.
    """
    return [tensor.data[begin:end] for begin, end in _strings(tensor)]


def _strings(tensor: Tensor) -> Iterator[tuple[int, int]]:
    """Yield where each string begins and ends."""
    data, end = tensor.data, 0
    while end < len(data):
        begin = end + _LENGTH_BYTES
        end = begin + int.from_bytes(data[begin - _LENGTH_BYTES : begin], "little")
        if end > len(data) or begin > len(data):
            raise InvalidRequestError(f"The tensor {tensor.name!r} ends within a string.")
        yield begin, end


def byte_tensor(name: str, strings: list[bytes], shape: tuple[int, ...] | None = None) -> Tensor:
    """Return a `BYTES` tensor of these elements, of one dimension unless a shape is given."""
    data = b"".join(len(one).to_bytes(_LENGTH_BYTES, "little") + one for one in strings)
    return Tensor(name, "BYTES", (len(strings),) if shape is None else shape, data)
