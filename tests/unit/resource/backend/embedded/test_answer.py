"""llama.cpp's events, read into chunks."""

import json

import pytest

from modelnet.core.chunk import Usage
from modelnet.core.error import ContextTooLongError, EngineError, InvalidRequestError
from modelnet.resource.backend.embedded.answer import AnswerReader
from modelnet.resource.backend.reasoning import ReasoningFilter


def event(text: str, logprob: float | None = None, finish: str | None = None) -> bytes:
    choice: dict[str, object] = {"text": text, "finish_reason": finish}
    if logprob is not None:
        told = {"token": text, "bytes": list(text.encode()), "logprob": logprob}
        choice["logprobs"] = {"content": [told | {"top_logprobs": [told, told]}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    return json.dumps({"choices": [choice]} | ({"usage": usage} if finish else {})).encode()


def reader(alternatives: int = 0) -> AnswerReader:
    return AnswerReader("m", ReasoningFilter(), alternatives)


def test_a_batch_becomes_one_chunk():
    made = reader()
    chunk = made.read([event("Hel"), event("lo")])
    assert (chunk.text, chunk.finish, chunk.usage) == ("Hello", None, None)
    chunk = made.read([event("", finish="length")])
    assert (chunk.text, chunk.finish, chunk.usage) == ("", "length", Usage(3, 4))


def test_what_was_held_back_comes_with_the_end():
    made = reader()
    assert made.read([event("<thin")]).text == ""
    assert made.read([event("", finish="stop")]).text == "<thin"


def test_the_tokens_of_markers_are_left_out():
    made = reader(alternatives=1)
    pieces = [("<think>", ""), ("9", "9"), ("</think>", ""), ("5", "5")]
    seen = [made.read([event(text, -0.5)]) for text, _ in pieces]
    assert [c.reasoning for c in seen] == ["", "9", "", ""]
    assert [c.text for c in seen] == ["", "", "", "5"]
    assert [[t.text for t in c.tokens] for c in seen] == [[], ["9"], [], ["5"]]
    assert len(seen[3].tokens[0].alternatives) == 1


def test_tokens_held_back_come_with_their_text():
    made = reader()
    assert made.read([event("<", -0.1)]).tokens == ()
    assert [t.text for t in made.read([event("b", -0.2)]).tokens] == ["<", "b"]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"code": 400, "type": "exceed_context_size_error", "message": "9"}, ContextTooLongError),
        ({"code": 400, "type": "invalid_request_error", "message": "9"}, InvalidRequestError),
        ({"code": 500, "message": "9"}, EngineError),
        ({}, EngineError),
    ],
)
def test_errors_have_our_names(failure, kind):
    with pytest.raises(kind):
        reader().read([json.dumps({"error": failure}).encode()])
