"""Tensors: what a shape and a type make of the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import MAX_STRINGS, Tensor, TensorSpec, byte_strings, byte_tensor

SPEC = TensorSpec("x", "FP32", (-1, 3))


@pytest.mark.parametrize(
    ("given_spec", "fits"),
    [
        (TensorSpec("x", "FP32", (7, 3)), True),
        (TensorSpec("y", "FP32", (7, 3)), False),
        (TensorSpec("x", "FP64", (7, 3)), False),
        (TensorSpec("x", "FP32", (7, 4)), False),
        (TensorSpec("x", "FP32", (3,)), False),
        (TensorSpec("x", "FP32", (1, 7, 3)), False),
    ],
)
def test_a_spec_takes_what_fits(given_spec: TensorSpec, fits: bool):
    assert SPEC.takes(given_spec) is fits


def test_a_sound_tensor_passes():
    tensor = Tensor("x", "FP32", (2, 3), bytes(24))
    tensor.check()
    assert tensor.size == 6
    assert tensor.spec == TensorSpec("x", "FP32", (2, 3))
    Tensor("scalar", "INT64", (), bytes(8)).check()
    Tensor("nothing", "INT64", (0, 5), b"").check()


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("x", "FP32", (2, 3), bytes(23)),
        Tensor("x", "FP32", (-2, -3), bytes(24)),
        Tensor("x", "BOOL", (2,), b"\x01"),
        Tensor("x", "BYTES", (2,), b"\x01\x00\x00\x00a"),
        Tensor("x", "BYTES", (1,), b"\x05\x00\x00\x00a"),
        Tensor("x", "BYTES", (1,), b"\x01\x00"),
        Tensor("x", "BYTES", (1,), bytes(8)),
        Tensor("x", "BYTES", (MAX_STRINGS + 1,), bytes(4 * (MAX_STRINGS + 1))),
    ],
)
def test_what_shape_and_type_contradict_is_refused(tensor: Tensor):
    with pytest.raises(InvalidRequestError, match="'x'"):
        tensor.check()


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_strings_come_back(strings: list[bytes]):
    tensor = byte_tensor("x", strings)
    tensor.check()
    assert byte_strings(tensor) == strings


@given(st.binary(max_size=64))
def test_any_bytes_are_strings_or_refused(data: bytes):
    tensor = Tensor("x", "BYTES", (1,), data)
    try:
        strings = byte_strings(tensor)
    except InvalidRequestError:
        return
    assert byte_tensor("x", strings).data == data
