"""Embeddings and hidden states as llama.cpp tells them."""

import json

import pytest

from modelnet.core.chunk import Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Embed, Encode
from modelnet.resource.backend.llama.vector import (
    embed_body,
    embed_chunk,
    encode_body,
    encode_chunk,
)

TWO = ("a", "b c")


def numbers(raw: bytes) -> list[float]:
    return memoryview(raw).cast("f").tolist()


def embedded(*data: object, usage: object = None) -> bytes:
    return json.dumps({"data": data} | ({"usage": usage} if usage else {})).encode()


def test_vectors_come_in_the_order_of_their_inputs():
    data = [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.0]}]
    chunk = embed_chunk("m", Embed(TWO), embedded(*data, usage={"prompt_tokens": 2}))
    assert [numbers(vector) for vector in chunk.vectors] == [[0.0], [1.0]]
    assert (chunk.finish, chunk.usage) == ("stop", Usage(2))
    assert embed_body(Embed(TWO)) == {"input": TWO}


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -1}, {"prompt_tokens": "two"}])
def test_inputs_nobody_counted_are_counted(usage):
    data = [{"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}]
    assert embed_chunk("m", Embed(TWO), embedded(*data, usage=usage)).usage == Usage(3)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage",
        b'{"data": []}',
        embedded({"index": 0, "embedding": [0.0]}),
        embedded({"index": 0, "embedding": [0.0]}, {"index": 0, "embedding": [0.0]}),
        embedded({"index": 0, "embedding": [[0.0]]}, {"index": 1, "embedding": [[0.0]]}),
    ],
)
def test_other_vectors_are_the_engines_fault(answer):
    with pytest.raises(EngineError):
        embed_chunk("m", Embed(TWO), answer)


def states(*rows: list[list[float]]) -> bytes:
    told = [{"index": place, "embedding": row} for place, row in enumerate(rows)]
    return json.dumps(told[::-1]).encode()


def test_hidden_states_are_a_row_a_token():
    chunk = encode_chunk("m", Encode(TWO), states([[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]))
    first, second = chunk.tensors
    assert (first.datatype, first.shape, second.shape) == ("FP32", (1, 2), (2, 2))
    assert numbers(second.data) == [3.0, 4.0, 5.0, 6.0]
    assert (chunk.finish, chunk.usage) == ("stop", Usage(3))
    assert encode_body(Encode(TWO))["embd_normalize"] == -1


@pytest.mark.parametrize(
    "answer",
    [b"garbage", b"[]", states([[1.0]]), states([[1.0, 2.0], [3.0]], [[1.0]]), b"\xff"],
)
def test_other_states_are_the_engines_fault(answer):
    with pytest.raises(EngineError):
        encode_chunk("m", Encode(TWO), answer)
