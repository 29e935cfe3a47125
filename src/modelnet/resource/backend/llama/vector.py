"""Embeddings and hidden states as llama.cpp tells them: pure translation."""

import array
import sys
from typing import Any

import msgspec

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Embed, Encode
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.usage import believed


class _Vector(msgspec.Struct):
    index: int
    embedding: list[float]


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: Any = None


class _Embeddings(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage = _Usage()


class _States(msgspec.Struct):
    index: int
    embedding: list[list[float]]


_embeddings_decoder = msgspec.json.Decoder(_Embeddings)
_states_decoder = msgspec.json.Decoder(list[_States])


def embed_body(request: Embed) -> dict[str, Any]:
    """Return the JSON of a request to `/v1/embeddings`."""
    return {"input": request.inputs}


def embed_chunk(name: str, request: Embed, answer: bytes) -> Chunk:
    """Return the only chunk of an answer made of vectors.

    Raises:
        EngineError: the answer is not one vector an input.
    """
    try:
        told = _embeddings_decoder.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"The engine of {name} returned no embeddings; ask another.") from error
    told.data.sort(key=lambda vector: vector.index)
    if [vector.index for vector in told.data] != [*range(len(request.inputs))]:
        raise EngineError(f"The engine of {name} returned other embeddings; ask another.")
    vectors = tuple(_float32(vector.embedding) for vector in told.data)
    counted = Usage(sum(map(count_pieces, request.inputs)))
    return Chunk(
        vectors=vectors, finish="stop", usage=believed(told.usage.prompt_tokens, 0, counted)
    )


def encode_body(request: Encode) -> dict[str, Any]:
    """Return the JSON of a request for hidden states to `/embeddings`."""
    return {"input": request.inputs, "embd_normalize": -1}


def encode_chunk(name: str, request: Encode, answer: bytes) -> Chunk:
    """Return the only chunk of an answer made of hidden states, (tokens, hidden size) an input.

    Raises:
        EngineError: the answer is not one such array an input.
    """
    try:
        told = _states_decoder.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"The engine of {name} told no hidden states; ask another.") from error
    told.sort(key=lambda states: states.index)
    if [states.index for states in told] != [*range(len(request.inputs))]:
        raise EngineError(f"The engine of {name} told other hidden states; ask another.")
    tensors = tuple(_tensor(name, states.embedding) for states in told)
    tokens = sum(tensor.shape[0] for tensor in tensors)
    return Chunk(tensors=tensors, finish="stop", usage=Usage(tokens))


def _tensor(name: str, rows: list[list[float]]) -> Tensor:
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        raise EngineError(f"The engine of {name} told ragged hidden states; ask another.")
    data = b"".join(map(_float32, rows))
    return Tensor("hidden_states", "FP32", (len(rows), width), data)


def _float32(numbers: list[float]) -> bytes:
    made = array.array("f", numbers)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()
