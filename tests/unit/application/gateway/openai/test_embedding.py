"""Vectors are written exactly, or not at all."""

import base64
import struct

import pytest

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.embedding import Embeddings, embeddings
from modelnet.core.chunk import Usage
from modelnet.core.error import EngineError
from modelnet.core.identity import RequestId

ORIGIN = Provenance(task_id=RequestId("t"), contributors=())
VECTOR = struct.pack("<3f", 0.5, -1.25, 3.0)


def written(*vectors: bytes, inputs: int = 1, is_base64: bool = False) -> Embeddings:
    answer = Answer(
        text="",
        reasoning="",
        tokens=(),
        vectors=vectors,
        tool_calls=(),
        finish="stop",
        usage=Usage(7, 0),
        contributions=(),
    )
    return embeddings(answer, input_count=inputs, is_base64=is_base64, origin=ORIGIN)


def test_numbers_or_base64():
    assert written(VECTOR).data[0].embedding == [0.5, -1.25, 3.0]
    assert written(VECTOR, is_base64=True).data[0].embedding == base64.b64encode(VECTOR).decode()
    both = written(VECTOR, VECTOR, inputs=2)
    assert [one.index for one in both.data] == [0, 1]
    assert both.usage.prompt_tokens == both.usage.total_tokens == 7


@pytest.mark.parametrize(
    "vector",
    [b"", b"abc", struct.pack("<2f", 1.0, float("nan")), struct.pack("<1f", float("-inf"))],
)
def test_what_is_not_a_vector_is_the_models_fault(vector: bytes):
    for is_base64 in (False, True):
        with pytest.raises(EngineError):
            written(vector, is_base64=is_base64)


def test_a_vector_too_few():
    with pytest.raises(EngineError, match="1 vectors to 2 inputs"):
        written(VECTOR, inputs=2)
