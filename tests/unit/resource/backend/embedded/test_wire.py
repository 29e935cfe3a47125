"""Requests as llama.cpp wants them."""

import json

import pytest

from modelnet.core.chunk import Usage
from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Complete, Message, Sampling, TextPart
from modelnet.resource.backend.embedded.wire import completion_body, embed_chunk, messages_of

USER = (Message("user", "a"),)


def body(request, temperature: float | None = None):
    return json.loads(completion_body("p", request, temperature))


def test_what_is_left_open_is_left_out():
    assert body(Complete("p")) == {"prompt": "p", "stream": True}


def test_what_is_asked_for_is_passed_on():
    sampling = Sampling(5, 0.0, 0.5, 7, ("END",), 3)
    assert body(Complete("p", sampling)) == {
        "prompt": "p",
        "stream": True,
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["END"],
        "logprobs": 3,
    }


def test_the_temperature_of_the_model_is_a_default():
    assert body(Complete("p"), 0.0)["temperature"] == 0.0
    assert body(Complete("p", Sampling(temperature=1.0)), 0.0)["temperature"] == 1.0


def test_log_probabilities_without_alternatives_need_one():
    assert body(Complete("p", Sampling(top_logprobs=0)))["logprobs"] == 1


def test_parts_are_joined_and_developers_are_the_system():
    parts = (TextPart("a"), TextPart("b"))
    messages = (Message("developer", "be brief"), Message("user", parts))
    assert messages_of(Chat(messages)) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "ab"},
    ]


def with_format(form) -> dict:
    return body(Chat(USER, response_format=form))


def test_formats_become_schemas():
    assert "json_schema" not in with_format({"type": "text"})
    assert with_format({"type": "json_object"})["json_schema"] == {"type": "object"}
    schema = {"type": "array", "items": {"type": "string"}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert with_format(form)["json_schema"] == schema


@pytest.mark.parametrize("form", [{"type": "nonsense"}, {"type": "json_schema"}, {}])
def test_unknown_formats_are_refused(form):
    with pytest.raises(UnsupportedError):
        with_format(form)


def test_unknown_types_in_schemas_are_refused():
    schema = {"type": "array", "items": [{"type": "nonsense"}]}
    with pytest.raises(InvalidRequestError, match="nonsense"):
        with_format({"type": "json_schema", "json_schema": {"schema": schema}})


def test_vectors_come_in_the_order_of_their_inputs():
    data = [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.0]}]
    raw = json.dumps({"data": data, "usage": {"prompt_tokens": 2}}).encode()
    chunk = embed_chunk("m", raw)
    assert [memoryview(v).cast("f").tolist() for v in chunk.vectors] == [[0.0], [1.0]]
    assert chunk.usage == Usage(2)


def test_vectors_that_do_not_come_are_errors():
    with pytest.raises(EngineError):
        embed_chunk("m", b"garbage")
    failure = {"error": {"code": 400, "type": "exceed_context_size_error", "message": "9"}}
    with pytest.raises(ContextTooLongError):
        embed_chunk("m", json.dumps(failure).encode())
