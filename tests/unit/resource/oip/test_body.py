"""Bodies are read as they were written, and whatever else arrives is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import ITEM_BYTES, Tensor, byte_tensor
from modelnet.resource.oip.body import (
    MAX_DIMENSIONS,
    MAX_JSON_BYTES,
    RequestBody,
    ResponseBody,
    read,
    write,
)

NUMBERS = Tensor("numbers", "INT16", (2, 1), b"\x01\x00\xff\xff")
HALVES = Tensor("halves", "FP16", (2,), b"\x00\x3c\x00\x40")
TEXTS = byte_tensor("texts", [b"one", b""])
NOTHING = Tensor("nothing", "FP32", (0, 4), b"")
ALL = (NUMBERS, HALVES, TEXTS, NOTHING)


def written(*tensors: Tensor, binary: set[str]):
    return write(ResponseBody(model_name="m", outputs=()), tensors, binary.__contains__)


@pytest.mark.parametrize(
    "binary", [{"halves"}, {"halves", "texts"}, {one.name for one in ALL}], ids=len
)
def test_binary_tensors_follow_the_json_in_its_order(binary: set[str]):
    body = written(*ALL, binary=binary)
    assert body.json_bytes is not None
    assert body.content[body.json_bytes :] == b"".join(t.data for t in ALL if t.name in binary)
    told, tensors = read(ResponseBody, body.content, str(body.json_bytes))
    assert told.model_name == "m"
    assert tensors == ALL


def test_without_binary_tensors_there_is_only_json():
    body = written(NUMBERS, TEXTS, binary=set())
    assert body.json_bytes is None
    assert [one["data"] for one in json.loads(body.content)["outputs"]] == [[1, -1], ["one", ""]]
    assert read(ResponseBody, body.content, None)[1] == (NUMBERS, TEXTS)


@given(st.lists(st.sampled_from(sorted(ITEM_BYTES)), max_size=5), st.randoms())
def test_whatever_is_written_is_read(datatypes: list[Any], random):
    tensors = tuple(
        Tensor(f"t{place}", datatype, (3, 2), random.randbytes(6 * ITEM_BYTES[datatype]))
        for place, datatype in enumerate(datatypes)
    )
    body = written(*tensors, binary={tensor.name for tensor in tensors})
    length = None if body.json_bytes is None else str(body.json_bytes)
    assert read(ResponseBody, body.content, length)[1] == tensors


def test_null_is_nothing():
    raw = b"""{"id": null, "parameters": null, "outputs": null, "inputs": [
        {"name": "x", "shape": [1], "datatype": "INT8", "parameters": null, "data": [1]}]}"""
    body, tensors = read(RequestBody, raw, None)
    assert (body.id, body.parameters, body.outputs) == (None, None, None)
    assert tensors == (Tensor("x", "INT8", (1,), b"\x01"),)


GOOD = {"name": "x", "shape": [1], "datatype": "INT32", "parameters": {"binary_data_size": 4}}


def changed(tail: bytes = b"\0\0\0\0", length: str | None = None, **changes: Any):
    raw = json.dumps({"inputs": [GOOD | changes]}).encode()
    return read(RequestBody, raw + tail, str(len(raw)) if length is None else length)


def test_the_good_one_is_good():
    assert changed()[1] == (Tensor("x", "INT32", (1,), b"\0\0\0\0"),)


@pytest.mark.parametrize(
    "bad",
    [
        {"tail": b"\0\0\0"},
        {"tail": b"\0\0\0\0\0"},
        {"tail": b""},
        {"length": "0"},
        {"length": "-1"},
        {"length": ""},
        {"length": "x"},
        {"length": "²"},
        {"length": "9" * 4300},
        {"shape": [2]},
        {"shape": [-1]},
        {"shape": [2**63]},
        {"shape": [2**62, 2**62]},
        {"shape": [1] * (MAX_DIMENSIONS + 1)},
        {"shape": [1.5]},
        {"shape": None},
        {"datatype": "STRING"},
        {"name": ""},
        {"name": None},
        {"data": [1]},
        {"parameters": {}},
        {"parameters": {"binary_data_size": -4}},
        {"parameters": {"binary_data_size": "4"}},
        {"parameters": {"binary_data_size": 4.0}},
        {"parameters": {"binary_data_size": True}, "shape": [0], "tail": b"\0"},
        {"parameters": {"binary_data_size": 2**70}},
        {"datatype": "BYTES", "tail": b"\xff\0\0\0"},
        {"datatype": "BYTES", "shape": [2]},
    ],
    ids=str,
)
def test_what_does_not_add_up(bad: dict[str, Any]):
    with pytest.raises(InvalidRequestError):
        changed(**bad)


def test_large_tensors_are_no_json():
    large = Tensor("large", "INT8", (MAX_JSON_BYTES + 1,), bytes(MAX_JSON_BYTES + 1))
    with pytest.raises(InvalidRequestError, match="use binary tensor data"):
        written(large, binary=set())
    body = written(large, binary={"large"})
    assert read(ResponseBody, body.content, str(body.json_bytes))[1] == (large,)
    with pytest.raises(InvalidRequestError, match="use binary tensor data"):
        read(RequestBody, b" " * (MAX_JSON_BYTES + 1), None)


def test_two_tensors_of_one_name():
    body = written(NUMBERS, NUMBERS, binary=set())
    with pytest.raises(InvalidRequestError, match="one name"):
        read(ResponseBody, body.content, None)


@given(st.binary(max_size=60), st.none() | st.text(max_size=3))
def test_noise_is_refused(noise: bytes, length: str | None):
    with pytest.raises(InvalidRequestError):
        read(RequestBody, noise, length)
