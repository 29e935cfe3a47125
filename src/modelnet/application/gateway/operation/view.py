"""Next tokens, scores and hidden states as JSON. Pure."""

import base64
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.envelope import UsageView, usage_view
from modelnet.application.gateway.openai.logprob import finite
from modelnet.core.chunk import Alternative, Token
from modelnet.core.error import EngineError
from modelnet.core.tensor import Tensor

_FLOAT_BYTES = 4


class TokenView(msgspec.Struct, frozen=True):
    """A token, its natural-log probability and its raw bytes; none for one that ends an answer."""

    token: str
    logprob: float
    bytes: tuple[int, ...]


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a step: what may come next, best first."""

    object: Literal["modelnet.step"] = "modelnet.step"
    model: str
    alternatives: tuple[TokenView, ...]
    usage: UsageView
    modelnet: Provenance


class ScoreView(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a score: the tokens of the continuation, and their sum."""

    object: Literal["modelnet.score"] = "modelnet.score"
    model: str
    tokens: tuple[TokenView, ...]
    logprob: float
    usage: UsageView
    modelnet: Provenance


class HiddenStates(msgspec.Struct, frozen=True, kw_only=True):
    """The hidden states of one input: a row a token, or the same as base64 of float32."""

    object: Literal["hidden_states"] = "hidden_states"
    index: int
    shape: tuple[int, ...]
    """(tokens, hidden size)"""
    hidden_states: list[list[float]] | str


class EncodeView(msgspec.Struct, frozen=True, kw_only=True):
    """The response to inputs to encode."""

    object: Literal["list"] = "list"
    data: tuple[HiddenStates, ...]
    model: str
    layer: int
    usage: UsageView
    modelnet: Provenance


def step_view(answer: Answer, origin: Provenance) -> StepView:
    """Return the response to a step.

    Raises:
        EngineError: there is no next token.
    """
    if not answer.alternatives:
        raise EngineError(f"{answer.model} answered no next token; ask another model.")
    return StepView(
        model=answer.model,
        alternatives=_views(answer.alternatives),
        usage=usage_view(answer.usage),
        modelnet=origin,
    )


def score_view(answer: Answer, continuation: str, origin: Provenance) -> ScoreView:
    """Return the response to a score.

    Raises:
        EngineError: the tokens are not those of the continuation.
    """
    if b"".join(token.bytes for token in answer.tokens) != continuation.encode():
        raise EngineError(f"{answer.model} scored another text than asked; ask another model.")
    return ScoreView(
        model=answer.model,
        tokens=_views(answer.tokens),
        logprob=finite(math.fsum(token.logprob for token in answer.tokens)),
        usage=usage_view(answer.usage),
        modelnet=origin,
    )


def encode_view(
    answer: Answer, origin: Provenance, *, input_count: int, layer: int, is_base64: bool
) -> EncodeView:
    """Return the response to inputs to encode.

    Raises:
        EngineError: hidden states are missing, or are none.
    """
    if len(answer.tensors) != input_count:
        raise EngineError(
            f"{answer.model} answered {len(answer.tensors)} arrays to {input_count} inputs; ask "
            "another model."
        )
    return EncodeView(
        data=tuple(
            _states(index, tensor, is_base64=is_base64)
            for index, tensor in enumerate(answer.tensors)
        ),
        model=answer.model,
        layer=layer,
        usage=usage_view(answer.usage),
        modelnet=origin,
    )


def _views(tokens: Sequence[Token | Alternative]) -> tuple[TokenView, ...]:
    return tuple(
        TokenView(token.text, finite(token.logprob), tuple(token.bytes)) for token in tokens
    )


def _states(index: int, tensor: Tensor, *, is_base64: bool) -> HiddenStates:
    numbers = _numbers(tensor)
    # JSON has no word for infinity; a sum in double precision is finite if every float32 is.
    if numbers is None or not math.isfinite(sum(numbers)):
        raise EngineError("The model answered hidden states that are none; ask another model.")
    written = base64.b64encode(tensor.data).decode() if is_base64 else _rows(numbers, tensor)
    return HiddenStates(index=index, shape=tensor.shape, hidden_states=written)


def _numbers(tensor: Tensor) -> "array[float] | None":
    is_matrix = tensor.datatype == "FP32" and len(tensor.shape) == 2 and tensor.size > 0
    if not is_matrix or len(tensor.data) != _FLOAT_BYTES * tensor.size:
        return None
    numbers: array[Any] = array("f")
    numbers.frombytes(tensor.data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _rows(numbers: "array[float]", tensor: Tensor) -> list[list[float]]:
    size = tensor.shape[1]
    return [numbers[at : at + size].tolist() for at in range(0, len(numbers), size)]
