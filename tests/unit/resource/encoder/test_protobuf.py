"""The wire format, against the reader and writer of the `onnx` package, and against garbage."""

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import ModelFileError
from modelnet.resource.encoder.protobuf import fields, message


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(), st.floats(width=32, allow_nan=False))
def test_what_we_write_the_library_reads(number, text, real):
    data = message((1, text), (2, real), (3, number), (8, 5), (8, -5))
    read = onnx.AttributeProto.FromString(data)
    assert (read.name, read.f, read.i, [*read.ints]) == (text, real, number, [5, -5])


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(), st.binary())
def test_what_the_library_writes_we_read(number, text, raw):
    wrote = onnx.AttributeProto(name=text, f=1.5, i=number, s=raw).SerializeToString()
    read = {key: value if isinstance(value, int) else bytes(value) for key, value in
            fields(memoryview(wrote))}  # fmt: skip
    assert read.pop(1, b"") == text.encode()
    assert read.pop(3, 0) == number % (1 << 64)
    assert read.pop(4, b"") == raw
    assert read == {2: b"\x00\x00\xc0\x3f"}


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x0a", b"\xff" * 20, b"\x0d\x00", b"\x0b\x00"])
def test_bytes_that_are_no_message_are_refused(data):
    with pytest.raises(ModelFileError, match="no message"):
        [*fields(memoryview(data))]


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data):
    try:
        for _ in fields(memoryview(data)):
            pass
    except ModelFileError:
        pass
