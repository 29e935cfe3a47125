import msgspec
import pytest

from modelnet.application.gateway.failure import failure_of
from modelnet.application.refusal import error_of
from modelnet.core.error import (
    STATUS_OF,
    AuthenticationError,
    AvailabilityError,
    DeadlineError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    UnknownModelError,
)


@pytest.mark.parametrize("kind", STATUS_OF)
def test_every_error_of_ours_survives_the_way_over_http(kind):
    told = failure_of(kind("It failed: mend it.", retry_after_s=3.0))
    headers = dict(told.headers)
    back = error_of(told.status, told.body, headers.get(b"retry-after", b"").decode() or None)
    assert (back.code, back.message) == (kind.code, "It failed: mend it.")
    assert STATUS_OF[type(back)].exit_code == STATUS_OF[kind].exit_code
    if kind is OverloadedError:
        assert back.retry_after_s == 3.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (404, UnknownModelError),
        (418, InvalidRequestError),
        (429, OverloadedError),
        (500, EngineError),
        (503, AvailabilityError),
        (504, DeadlineError),
    ],
)
def test_a_foreign_server_is_understood_by_its_status(status, kind):
    body = msgspec.json.encode({"error": {"message": "Sorry.", "code": "E_42"}})
    error = error_of(status, body)
    assert (type(error), error.message) == (kind, "Sorry.")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"error": "no"}', b'{"error": {}}', b"\xff"]
)
def test_garbage_becomes_a_sentence(body):
    error = error_of(502, body, "Wed, 21 Oct 2026 07:28:00 GMT")
    assert error.message == "The node answered with HTTP status 502 and no reason: see its log."
    assert error.retry_after_s is None


def test_a_body_that_is_no_text_is_told_by_its_status():
    assert isinstance(error_of(404, b'{"error":{"message":"\xff"}}'), UnknownModelError)
