"""The wire format of Protocol Buffers, as far as ONNX files need it. Pure.

https://protobuf.dev/programming-guides/encoding
"""

import struct
from collections.abc import Generator

from modelnet.core.error import ModelFileError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES = 10
_WORD = (1 << 64) - 1

Value = int | float | str | bytes
"""What a field may be set to; a message is the bytes of its fields."""


def field(number: int, value: Value) -> bytes:
    """Return one field of a message."""
    match value:
        case int():
            return _varint(number << 3 | _VARINT) + _varint(value)
        case float():
            return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)
        case str():
            return field(number, value.encode())
        case bytes():
            return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def message(*fields: tuple[int, Value]) -> bytes:
    """Return a message of these fields, by number, in this order."""
    return b"".join(field(number, value) for number, value in fields)


def fields(data: memoryview) -> Generator[tuple[int, int | memoryview]]:
    """Take a message apart: the number and the value of each field, in order.

    Raises:
        ModelFileError: it is no message.
    """
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        size = _SIZES.get(kind)
        if kind == _BYTES:
            size, at = _read_varint(data, at)
        if size is None or at + size > len(data):
            raise _malformed()
        yield key >> 3, data[at : at + size]
        at += size


def _varint(number: int) -> bytes:
    left = number & _WORD  # A negative number is written as its two's complement.
    made = bytearray()
    while left > 0x7F:  # Seven bits go into a byte.
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for place, byte in enumerate(data[at : at + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return number & _WORD, at + place + 1
    raise _malformed()


def _malformed() -> ModelFileError:
    return ModelFileError("These bytes are no message of Protocol Buffers; check the file.")
