"""Elements of tensors as JSON has them: numbers, truth values and text, flat or nested. Pure."""

import math
import sys
from array import array
from functools import cache
from typing import Any

import msgspec

from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import Datatype, Tensor, byte_strings, byte_tensor

_CODES: dict[Datatype, str] = {
    "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
    "FP32": "f", "FP64": "d",
}  # fmt: skip
"""What `array` calls the datatypes that JSON has numbers for."""

_FLOATS = frozenset({"FP32", "FP64"})


def tensor_from(name: str, datatype: Datatype, shape: tuple[int, ...], data: bytes) -> Tensor:
    """Return the tensor whose elements are in a JSON list, flat or nested as the shape says.

    Raises:
        InvalidRequestError: the list holds something else, or the datatype has no form in JSON.
    """
    elements = _elements(name, datatype, shape, data)
    if datatype == "BYTES":
        return byte_tensor(name, [text.encode() for text in elements], shape)
    if datatype == "BOOL":
        return Tensor(name, datatype, shape, bytes(elements))
    try:
        numbers = array(_CODES[datatype], elements)
    except OverflowError:
        raise _out_of_range(name, datatype) from None
    # JSON has no infinity: one that is there was too large a number.
    if datatype in _FLOATS and not all(map(math.isfinite, numbers)):
        raise _out_of_range(name, datatype)
    return Tensor(name, datatype, shape, _swapped(numbers).tobytes())


def elements_of(tensor: Tensor) -> list[Any]:
    """Return the elements of a tensor for a JSON list, flat.

    Raises:
        InvalidRequestError: JSON has no word for one of them.
    """
    if tensor.datatype == "BOOL":
        return [bool(byte) for byte in tensor.data]
    if tensor.datatype == "BYTES":
        try:
            return [raw.decode() for raw in byte_strings(tensor)]
        except UnicodeDecodeError:
            raise _wants_binary(tensor.name, "bytes that are no text") from None
    if tensor.datatype not in _CODES:
        raise _wants_binary(tensor.name, tensor.datatype)
    numbers = array(_CODES[tensor.datatype], tensor.data)
    elements = _swapped(numbers).tolist()
    if tensor.datatype in _FLOATS and not all(map(math.isfinite, elements)):
        raise _wants_binary(tensor.name, "a number that is not finite")
    return elements


def _elements(name: str, datatype: Datatype, shape: tuple[int, ...], data: bytes) -> list[Any]:
    kind = _kind(name, datatype)
    try:
        return _decoder(kind, 1).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return _flat(_decoder(kind, max(1, len(shape))).decode(data), shape)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise InvalidRequestError(
            f"`data` of the tensor {name!r} is no list of {datatype} of the shape {list(shape)}."
        ) from None


def _kind(name: str, datatype: Datatype) -> type[bool | str | float | int]:
    if datatype == "BOOL":
        return bool
    if datatype == "BYTES":
        return str
    if datatype not in _CODES:
        raise _wants_binary(name, datatype)
    return float if datatype in _FLOATS else int


@cache
def _decoder(kind: Any, depth: int) -> msgspec.json.Decoder[Any]:
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind)


def _flat(nested: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """Return the elements of lists within lists, row by row."""
    if not shape or len(nested) != shape[0]:
        raise ValueError
    if len(shape) == 1:
        return nested
    return [element for row in nested for element in _flat(row, shape[1:])]


def _swapped(numbers: "array[Any]") -> "array[Any]":
    """Return the numbers in the byte order of the protocol, or of this machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _out_of_range(name: str, datatype: Datatype) -> InvalidRequestError:
    return InvalidRequestError(f"The tensor {name!r} holds a number that is no {datatype}.")


def _wants_binary(name: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The tensor {name!r} holds {what}, which JSON cannot; use binary tensor data."
    )
