"""How an error looks to an HTTP client: its API's shape, the right status, when to come back."""

import math
from typing import Any

import msgspec

from modelnet.core.error import ModelnetError, RequestError, status_of

_DEFAULT_RETRY_AFTER_S = 1.0
_LONGEST_RETRY_AFTER_S = 3600
_STATUSES_TO_RETRY = frozenset({429, 503})
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class HttpError(RequestError):
    """What only HTTP has a word for: an unknown path, a wrong method, a body too large."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.http_code = code
        self.headers = headers


class Failure(msgspec.Struct, frozen=True):
    """An error, ready to be written as a reply or as the last event of a stream."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def event(self) -> bytes:
        """The error as a server-sent event."""
        return b"data: " + self.body + b"\n\n"


def failure_of(error: ModelnetError, path: str = "") -> Failure:
    """Return how `error` is told to an HTTP client: as the API under that path has it."""
    status = error.status if isinstance(error, HttpError) else status_of(error).http
    told = error.message if _is_open_inference(path) else _told(error, status)
    return Failure(status, msgspec.json.encode({"error": told}), _headers(error, status))


def _is_open_inference(path: str) -> bool:
    return path == "/v2" or path.startswith("/v2/")


def _told(error: ModelnetError, status: int) -> dict[str, Any]:
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    return {
        "message": error.message,
        "type": _KINDS.get(status, fallback),
        "param": error.param if isinstance(error, RequestError) else None,
        "code": error.http_code if isinstance(error, HttpError) else error.code,
        "fault": error.fault,
        "retryable": error.retryable,
    }


def _headers(error: ModelnetError, status: int) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, HttpError):
        return error.headers
    if status == 401:
        return ((b"www-authenticate", b"Bearer"),)
    if status not in _STATUSES_TO_RETRY:
        return ()
    wait_s = error.retry_after_s
    if wait_s is None or not math.isfinite(wait_s):
        wait_s = _DEFAULT_RETRY_AFTER_S
    wait_s = min(max(1, math.ceil(wait_s)), _LONGEST_RETRY_AFTER_S)
    return ((b"retry-after", str(wait_s).encode()),)
