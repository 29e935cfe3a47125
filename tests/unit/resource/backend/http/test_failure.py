"""What refusals mean."""

import pytest

from modelnet.core.error import EngineError, InvalidRequestError, OverloadedError
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
