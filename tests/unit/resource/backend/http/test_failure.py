"""What refusals mean."""

import msgspec
import pytest

from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
)
from modelnet.resource.backend.http.failure import (
    DEFAULT_RETRY_S,
    LONGEST_RETRY_S,
    error_of_status,
    seconds_of,
)

NOW = 1_000_000_000.0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("1e999", LONGEST_RETRY_S),
        ("Sun, 09 Sep 2001 01:47:10 GMT", 30.0),
        ("Sun, 09 Sep 2000 01:47:10 GMT", 0.0),
        ("Sun, 99 Sep 2001 01:47:10 GMT", DEFAULT_RETRY_S),
        ("soon", DEFAULT_RETRY_S),
        ("", DEFAULT_RETRY_S),
        (None, DEFAULT_RETRY_S),
    ],
)
def test_when_to_come_back(told: str | None, seconds: float):
    assert seconds_of(told, NOW) == seconds


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b'{"error":"\xff"}', b'{"error":' * 100_000, b"[" * 100_000, b"null"]
)
def test_any_body_of_a_refusal_is_survived(body: bytes):
    for status, kind in ((400, InvalidRequestError), (429, OverloadedError), (500, EngineError)):
        error = error_of_status("m", status, body, None, NOW)
        assert type(error) is kind
        assert len(error.message) < 500


@pytest.mark.parametrize("status", [400, 404, 429])
@pytest.mark.parametrize("code", ["model_not_found", "insufficient_quota"])
def test_a_model_or_money_that_is_gone_is_never_the_askers_fault(status: int, code: str):
    body = msgspec.json.encode({"error": {"message": "no", "code": code, "type": "any"}})
    error = error_of_status("m", status, body, "7", NOW)
    assert type(error) is EngineError
    assert "no" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no", "code": "context_length_exceeded"}}',
        b'{"error": {"message": "no", "type": "exceed_context_size_error"}}',
        b'{"object": "error", "message": "This model\'s maximum context length is 8 tokens"}',
    ],
)
def test_too_long_is_told_however_it_is_written(body: bytes):
    assert type(error_of_status("m", 400, body, None, NOW)) is ContextTooLongError
