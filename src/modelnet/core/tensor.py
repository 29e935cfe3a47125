"""Named arrays of numbers or bytes, as the Open Inference Protocol v2 has them."""

import math
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
            if len(byte_strings(self)) != self.size:
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
    found: list[bytes] = []
    data, at = tensor.data, 0
    while at < len(data):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "little")
        if at > len(data) or begin > len(data):
            raise InvalidRequestError(f"The tensor {tensor.name!r} ends within a string.")
        found.append(data[begin:at])
    return found


def byte_tensor(name: str, strings: list[bytes], shape: tuple[int, ...] | None = None) -> Tensor:
    """Return a `BYTES` tensor of these elements, of one dimension unless a shape is given."""
    data = b"".join(len(one).to_bytes(_LENGTH_BYTES, "little") + one for one in strings)
    return Tensor(name, "BYTES", (len(strings),) if shape is None else shape, data)
