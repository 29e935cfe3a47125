"""Every error has its status, OpenAI's shape, and says when to come back."""

import json

import pytest

from modelnet.application.gateway.failure import Failure, HttpError, failure_of
from modelnet.core.error import (
    STATUS_OF,
    AuthenticationError,
    InvalidRequestError,
    ModelnetError,
    NoModelError,
    OverloadedError,
)


def headers_of(failure: Failure) -> dict[bytes, bytes]:
    return dict(failure.headers)


@pytest.mark.parametrize("kind", STATUS_OF, ids=lambda kind: kind.__name__)
def test_every_error(kind: type[ModelnetError]):
    failure = failure_of(kind("So it is."))
    told = json.loads(failure.body)["error"]
    assert failure.status == STATUS_OF[kind].http
    assert told["message"] == "So it is."
    assert told["code"] == kind.code
    assert told["type"].endswith("_error")
    assert (told["fault"], told["retryable"]) == (kind.fault, kind.retryable)
    assert failure.event == b"data: " + failure.body + b"\n\n"
    assert (b"retry-after" in headers_of(failure)) == (failure.status in (429, 503))


def test_the_field_at_fault_is_named():
    told = json.loads(failure_of(InvalidRequestError("No.", param="model")).body)["error"]
    assert told["param"] == "model"


@pytest.mark.parametrize(
    ("wait_s", "header"),
    [(None, b"1"), (0.2, b"1"), (2.1, b"3"), (-5, b"1"), (float("nan"), b"1"), (1e400, b"1")],
)
def test_when_to_come_back(wait_s: float | None, header: bytes):
    for kind in (OverloadedError, NoModelError):
        failure = failure_of(kind("Later.", retry_after_s=wait_s))
        assert headers_of(failure)[b"retry-after"] == header


def test_what_only_http_has_a_word_for():
    failure = failure_of(HttpError(405, "No.", code="method", headers=((b"allow", b"GET"),)))
    assert (failure.status, headers_of(failure)) == (405, {b"allow": b"GET"})
    assert json.loads(failure.body)["error"]["code"] == "method"


def test_a_refused_key_says_which_kind_is_wanted():
    failure = failure_of(AuthenticationError("No."))
    assert headers_of(failure) == {b"www-authenticate": b"Bearer"}
    assert json.loads(failure.body)["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    ("path", "is_plain"), [("/v2", True), ("/v2/models/a", True), ("/v1/models", False)]
)
def test_the_open_inference_protocol_has_one_sentence(path: str, is_plain: bool):
    failure = failure_of(OverloadedError("Later."), path)
    assert (json.loads(failure.body)["error"] == "Later.") is is_plain
    assert headers_of(failure)[b"retry-after"] == b"1"
