"""Elements in JSON become bytes and come back; what JSON cannot hold is refused."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import ITEM_BYTES, Tensor, byte_tensor
from modelnet.resource.oip.element import elements_of, tensor_from


def made(datatype, elements, shape=None):
    return tensor_from("x", datatype, shape or (len(elements),), json.dumps(elements).encode())


@pytest.mark.parametrize(
    ("datatype", "elements", "packed"),
    [
        ("BOOL", [True, False], "<2?"),
        ("UINT8", [0, 255], "<2B"),
        ("INT8", [-128, 127], "<2b"),
        ("UINT16", [0, 65535], "<2H"),
        ("INT16", [-32768, 32767], "<2h"),
        ("UINT32", [0, 2**32 - 1], "<2I"),
        ("INT32", [-(2**31), 2**31 - 1], "<2i"),
        ("UINT64", [0, 2**64 - 1], "<2Q"),
        ("INT64", [-(2**63), 2**63 - 1], "<2q"),
        ("FP32", [0.5, -2], "<2f"),
        ("FP64", [0.1, 1e300], "<2d"),
    ],
)
def test_numbers(datatype, elements, packed):
    tensor = made(datatype, elements)
    assert tensor.data == struct.pack(packed, *elements)
    assert elements_of(tensor) == elements
    tensor.check()


@given(st.lists(st.text()))
def test_text(texts: list[str]):
    assert elements_of(made("BYTES", texts)) == texts


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), max_size=4))
def test_nested_is_the_same_as_flat(rows: list[list[int]]):
    flat = [number for row in rows for number in row]
    shape = (len(rows), 3)
    assert made("INT16", rows, shape) == made("INT16", flat, shape)


@pytest.mark.parametrize(
    ("datatype", "elements", "shape"),
    [
        ("INT32", [1.5], (1,)),
        ("INT32", [True], (1,)),
        ("INT32", ["1"], (1,)),
        ("INT8", [128], (1,)),
        ("UINT64", [-1], (1,)),
        ("UINT64", [2**64], (1,)),
        ("BOOL", [1], (1,)),
        ("FP32", [1e39], (1,)),
        ("FP32", [True], (1,)),
        ("BYTES", [1], (1,)),
        ("INT32", [[1, 2], [3]], (2, 2)),
        ("INT32", [[1, 2]], (2, 2)),
        ("INT32", [[[1]]], (1, 1)),
        ("INT32", {"a": 1}, (1,)),
        ("FP16", [1.0], (1,)),
        ("BF16", [1.0], (1,)),
    ],
)
def test_what_is_no_such_list(datatype, elements, shape):
    with pytest.raises(InvalidRequestError, match="'x'"):
        made(datatype, elements, shape).check()


@pytest.mark.parametrize("data", [b"[NaN]", b"[1e999]", b"[1", b"", b"[" * 10_000, b'["\xff"]'])
def test_what_is_no_json(data: bytes):
    for datatype in ("FP64", "BYTES"):
        with pytest.raises(InvalidRequestError):
            tensor_from("x", datatype, (1,), data)


def test_a_deep_shape_is_no_deep_recursion():
    data = b"[" * 32 + b"7" + b"]" * 32
    assert tensor_from("x", "INT8", (1,) * 32, data).data == b"\x07"


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("x", "FP32", (1,), struct.pack("<f", float("nan"))),
        Tensor("x", "FP64", (1,), struct.pack("<d", float("inf"))),
        Tensor("x", "FP16", (1,), b"\0\0"),
        Tensor("x", "BF16", (1,), b"\0\0"),
        byte_tensor("x", [b"\xff"]),
    ],
    ids=lambda tensor: tensor.datatype,
)
def test_what_json_has_no_word_for(tensor: Tensor):
    with pytest.raises(InvalidRequestError, match="binary tensor data"):
        elements_of(tensor)


@given(st.sampled_from(sorted(set(ITEM_BYTES) - {"FP16", "BF16", "FP32", "FP64"})), st.data())
def test_every_tensor_comes_back(datatype, drawn):
    size = ITEM_BYTES[datatype]
    values = st.sampled_from([0, 1]) if datatype == "BOOL" else st.integers(0, 255)
    data = bytes(drawn.draw(st.lists(values, min_size=3 * size, max_size=3 * size)))
    tensor = Tensor("x", datatype, (3,), data)
    assert made(datatype, elements_of(tensor)) == tensor
