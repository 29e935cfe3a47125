"""llama.cpp's events, in either of its dialects."""

import json
import math

import pytest

from modelnet.core.error import ContextTooLongError, EngineError, InvalidRequestError
from modelnet.resource.backend.llama.event import (
    LEAST_LOGPROB,
    Event,
    bounded,
    native_event,
    openai_event,
)

TOLD = {"id": 7, "token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}


def native(**fields: object) -> Event:
    return native_event("m", json.dumps(fields).encode())


def openai(**fields: object) -> Event:
    return openai_event("m", json.dumps(fields).encode())


def test_a_native_event_is_a_token():
    event = native(content="a", tokens=[7], stop=False, completion_probabilities=[TOLD])
    assert (event.text, event.n_tokens, event.finish, event.used) == ("a", 1, None, None)
    assert event.drawn[0].in_words(0).bytes == b"a"


def test_an_older_server_tells_no_token_ids():
    assert native(content="a").n_tokens == 1
    assert native(content="").n_tokens == 0


@pytest.mark.parametrize(
    ("stop_type", "finish"), [("limit", "length"), ("eos", "stop"), ("word", "stop"), ("", "stop")]
)
def test_the_last_native_event_says_why(stop_type, finish):
    event = native(content="", stop=True, stop_type=stop_type, tokens_evaluated=3)
    assert (event.finish, event.used) == (finish, (3, None))


def test_an_event_of_a_chat_has_three_channels():
    piece = {"index": 0, "function": {"name": "look"}}
    delta = {"content": "a", "reasoning_content": "b", "tool_calls": [piece]}
    event = openai(choices=[{"delta": delta, "finish_reason": None}])
    assert (event.text, event.reasoning, event.n_tokens) == ("a", "b", 1)
    assert json.loads(bytes(event.calls[0])) == piece


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("length", "length"), ("tool_calls", "tool_calls"), ("stop", "stop"), ("new", "stop")],
)
def test_the_last_event_of_openai_says_why(reason, finish):
    event = openai(choices=[{"finish_reason": reason}], usage={"prompt_tokens": 3})
    assert (event.finish, event.used, event.n_tokens) == (finish, (3, None), 0)


@pytest.mark.parametrize("read", [native_event, openai_event])
@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"code": 400, "type": "exceed_context_size_error", "message": "9"}, ContextTooLongError),
        ({"code": 400, "type": "invalid_request_error", "message": "9"}, InvalidRequestError),
        ({"code": 500, "message": "9"}, EngineError),
        ({}, EngineError),
    ],
)
def test_errors_have_our_names(read, failure, kind):
    with pytest.raises(kind):
        read("m", json.dumps({"error": failure}).encode())


@pytest.mark.parametrize("read", [native_event, openai_event])
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"content": 1, "choices": 1}', b'"\xff"'])
def test_garbage_is_the_engines_fault(read, raw):
    with pytest.raises(EngineError):
        read("m", raw)


def test_log_probabilities_are_bounded():
    assert bounded(-3.4e38) == LEAST_LOGPROB
    assert bounded(1e-6) == 0.0
    assert bounded(-1.5) == -1.5
    # The least probability that llama.cpp can tell.
    assert math.log(1.4e-45) > LEAST_LOGPROB
