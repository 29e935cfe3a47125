"""Errors in OpenAI's shape, as a node tells them over HTTP, turned back into ours. Pure."""

from typing import Any

import msgspec

from modelnet.core.error import (
    AuthenticationError,
    AvailabilityError,
    DeadlineError,
    EngineError,
    ErrorReport,
    InvalidRequestError,
    ModelnetError,
    OverloadedError,
    UnknownModelError,
    error_from,
)

_BY_STATUS: dict[int, type[ModelnetError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: UnknownModelError,
    429: OverloadedError,
    503: AvailabilityError,
    504: DeadlineError,
}


def error_of(status: int, body: bytes, retry_after: str | None = None) -> ModelnetError:
    """Return the error that a response of `status` tells.

    Our own codes name the class; where another server stands behind the URL, its status does.
    """
    told = _told(body)
    message = told.get("message")
    if not isinstance(message, str) or not message:
        message = f"The node answered with HTTP status {status} and no reason: see its log."
    code = told.get("code")
    retry_after_s = _seconds(retry_after)
    if isinstance(code, str):
        known = error_from(ErrorReport(code, message, "peer", retryable=False))
        if known.code == code:
            return type(known)(message, retry_after_s=retry_after_s)
    return _kind_for(status)(message, retry_after_s=retry_after_s)


def _told(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, dict[str, Any]]).get("error", {})
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _kind_for(status: int) -> type[ModelnetError]:
    client_error = 400 <= status < 500
    return _BY_STATUS.get(status, InvalidRequestError if client_error else EngineError)


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds in a `Retry-After` header; its other form, a date, is not used here."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
