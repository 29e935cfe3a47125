"""What a server's refusal means: from HTTP statuses to our errors."""

import email.utils
from http import HTTPStatus
from typing import Any

import msgspec

from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
)
from modelnet.resource.backend.openai.wire import message_of

_TOO_LONG = {"context_length_exceeded", "exceed_context_size_error"}
_OVERLOADED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_FAULTY = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_NO_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
DEFAULT_RETRY_S = 1.0


def error_of_status(
    name: str, status: int, body: bytes, retry_after: str | None, now: float
) -> ModelnetError:
    """Return our word for an answer that is not 200. `now` is Unix seconds."""
    error = _error_in(body)
    told = message_of(error)
    if status in _OVERLOADED:
        retry_s = seconds_of(retry_after, now)
        sentence = f"{name} is overloaded: {told}; try again in {retry_s:g} s."
        return OverloadedError(sentence, retry_after_s=retry_s)
    if status in _NO_KEY:
        return EngineError(f"{name} refuses the key ({status}): {told}; set a good one.")
    if status in _FAULTY and _is_too_long(error, told):
        return ContextTooLongError(f"The prompt is too long for {name}: {told}; shorten it.")
    if status in _FAULTY:
        return InvalidRequestError(f"{name} cannot answer this request: {told}.")
    return EngineError(f"{name} answered with status {status}: {told}; ask another model.")


def seconds_of(retry_after: str | None, now: float) -> float:
    """Read a Retry-After header: seconds, or a date."""
    if retry_after is None:
        return DEFAULT_RETRY_S
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return DEFAULT_RETRY_S
    return max(0.0, moment.timestamp() - now)


def _error_in(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace") or "no reason given"


def _is_too_long(error: Any, told: str) -> bool:
    inner = error.get("error", error) if isinstance(error, dict) else {}
    marks = {inner.get("code"), inner.get("type")} if isinstance(inner, dict) else set[str]()
    # vLLM names no code, only a sentence.
    return bool(marks & _TOO_LONG) or "maximum context length" in told
