"""Vectors as OpenAI's API answers them. Pure."""

import array
import base64
import binascii
from typing import Any

import msgspec

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Embed
from modelnet.resource.backend.http.decoding import decoded
from modelnet.resource.backend.openai.answer import usage_told
from modelnet.resource.backend.shaping import count_pieces


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Vector]
    usage: Any = None


_decoder = msgspec.json.Decoder(_Embeddings)


def embed_chunk(name: str, request: Embed, answer: bytes) -> Chunk:
    """Return the only chunk of an answer made of vectors.

    Raises:
        EngineError: the answer is not one vector an input, all of one size.
    """
    told = decoded(name, answer, _decoder)
    told.data.sort(key=lambda vector: vector.index)
    vectors = tuple(_float32(name, vector.embedding) for vector in told.data)
    if len(vectors) != len(request.inputs) or len(set(map(len, vectors))) != 1:
        raise EngineError(
            f"{name} returned {len(vectors)} embeddings that do not belong to "
            f"{len(request.inputs)} inputs; ask another model."
        )
    usage = usage_told(told.usage, Usage(sum(map(count_pieces, request.inputs))))
    return Chunk(vectors=vectors, finish="stop", usage=usage)


def _float32(name: str, embedding: list[float] | str) -> bytes:
    if not isinstance(embedding, str):
        return array.array("f", embedding).tobytes()
    # Some servers send base64 whatever is asked for.
    try:
        return base64.b64decode(embedding, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EngineError(f"{name} returned no embeddings; ask another model.") from error
