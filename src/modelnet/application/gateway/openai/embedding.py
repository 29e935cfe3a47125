"""`/v1/embeddings`: vectors written as OpenAI's lists of numbers or base64. Pure."""

import base64
import math
import sys
from array import array
from typing import Literal

import msgspec

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.core.error import EngineError

_FLOAT_BYTES = 4


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """The vector of one input."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """Tokens read; embeddings write none."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """The response to inputs to embed."""

    object: Literal["list"] = "list"
    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingUsage
    modelnet: Provenance


def embeddings(
    answer: Answer, *, input_count: int, is_base64: bool, origin: Provenance
) -> Embeddings:
    """Return the response for one vector an input.

    Raises:
        EngineError: vectors are missing, cut short, or not finite.
    """
    if len(answer.vectors) != input_count:
        raise EngineError(
            f"The model answered {len(answer.vectors)} vectors to {input_count} inputs; ask "
            "another model."
        )
    return Embeddings(
        data=tuple(
            Embedding(index=index, embedding=_written(vector, is_base64=is_base64))
            for index, vector in enumerate(answer.vectors)
        ),
        model=answer.model,
        usage=EmbeddingUsage(answer.usage.prompt_tokens, answer.usage.prompt_tokens),
        modelnet=origin,
    )


def _written(vector: bytes, *, is_base64: bool) -> list[float] | str:
    numbers: array[float] = array("f")
    if vector and len(vector) % _FLOAT_BYTES == 0:
        numbers.frombytes(vector)
        if sys.byteorder == "big":
            numbers.byteswap()
    # JSON has no word for infinity; a sum in double precision is finite if every float32 is.
    if not numbers or not math.isfinite(sum(numbers)):
        raise EngineError("The model answered a vector that is not one; ask another model.")
    return base64.b64encode(vector).decode() if is_base64 else numbers.tolist()
