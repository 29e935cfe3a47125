"""What a server's refusal means: from HTTP statuses to our errors."""

import email.utils
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import msgspec

from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
)

_TOO_LONG = {"context_length_exceeded", "exceed_context_size_error"}
_TOO_LONG_WORDS = ("maximum context length", "the context length", "prompt is too long")
"""vLLM, Ollama and Anthropic name no code, only a sentence."""
_SPENT_WORDS = ("credit balance", "usage limits")
"""Anthropic tells with 400 that its owner's money is spent: no fault of who asks."""
_UNABLE = {"model_not_found", "insufficient_quota"}
"""The model is gone, or the money; some servers call that the asker's fault."""
_ANTHROPIC_OVERLOADED = 529
_OVERLOADED = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    _ANTHROPIC_OVERLOADED,
}
_FAULTY = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_NO_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
DEFAULT_RETRY_S = 1.0
LONGEST_RETRY_S = 3600.0
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Detail(msgspec.Struct):
    code: int | str | None = None
    type: str | None = None


class _Wrapped(msgspec.Struct):
    error: _Detail


def error_of_status(
    name: str, status: int, body: bytes, retry_after: str | None, now: float
) -> ModelnetError:
    """Return our word for an answer that is not 200. `now` is Unix seconds."""
    told, codes = _sentence_in(body), _codes_in(body)
    if codes & _UNABLE or any(words in told for words in _SPENT_WORDS):
        return EngineError(f"{name} cannot answer: {told}; ask another model.")
    if status in _OVERLOADED:
        retry_s = seconds_of(retry_after, now)
        sentence = f"{name} is overloaded: {told}; try again in {retry_s:g} s."
        return OverloadedError(sentence, retry_after_s=retry_s)
    if status in _NO_KEY:
        return EngineError(f"{name} refuses the key ({status}): {told}; set a good one.")
    is_too_long = codes & _TOO_LONG or any(words in told for words in _TOO_LONG_WORDS)
    if status in _FAULTY and is_too_long:
        return ContextTooLongError(f"The prompt is too long for {name}: {told}; shorten it.")
    if status in _FAULTY:
        return InvalidRequestError(f"{name} cannot answer this request: {told}.")
    return EngineError(f"{name} answered with status {status}: {told}; ask another model.")


def seconds_of(retry_after: str | None, now: float) -> float:
    """Read a Retry-After header: seconds, or a date."""
    if retry_after is None:
        return DEFAULT_RETRY_S
    with suppress(ValueError):
        return _bounded(float(retry_after))
    with suppress(ValueError, OverflowError):
        return _bounded(email.utils.parsedate_to_datetime(retry_after).timestamp() - now)
    return DEFAULT_RETRY_S


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_RETRY_S)


def message_of(error: Any) -> str:
    """Return the sentence in an error as servers put it: an object, a list or plain text."""
    if isinstance(error, dict):
        told = cast("dict[str, Any]", error)
        inner = told.get("error", told.get("message", told.get("detail")))
        return message_of(inner) if inner is not None else "no reason given"
    return str(error)[:300].strip().rstrip(".")


def _sentence_in(body: bytes) -> str:
    try:
        return message_of(msgspec.json.decode(body))
    except _UNREADABLE:
        return message_of(body.decode("utf-8", "replace") or "no reason given")


def _codes_in(body: bytes) -> set[int | str | None]:
    with suppress(*_UNREADABLE):
        detail = msgspec.json.decode(body, type=_Wrapped).error
        return {detail.code, detail.type}
    return set()
