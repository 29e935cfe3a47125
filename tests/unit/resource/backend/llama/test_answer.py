"""llama.cpp's events, folded into chunks."""

import json

import pytest

from modelnet.core.chunk import ToolCall, Usage
from modelnet.core.error import EngineError
from modelnet.resource.backend.llama.answer import AnswerReader
from modelnet.resource.backend.llama.event import openai_event
from modelnet.resource.backend.reasoning import ReasoningFilter


def event(text: str, logprob: float | None = None, finish: str | None = None) -> bytes:
    choice: dict[str, object] = {"text": text, "finish_reason": finish}
    if logprob is not None:
        told = {"id": 1, "token": text, "bytes": list(text.encode()), "logprob": logprob}
        choice["logprobs"] = {"content": [told | {"top_logprobs": [told, told]}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    return json.dumps({"choices": [choice]} | ({"usage": usage} if finish else {})).encode()


def reader(alternatives: int | None = None, prompt: str = "") -> AnswerReader:
    filtering = ReasoningFilter()
    return AnswerReader("m", openai_event, filtering, prompt=prompt, alternatives=alternatives)


def end(usage: object, delta: object = None, finish: str = "stop") -> bytes:
    choice = {"finish_reason": finish} | ({"delta": delta} if delta else {})
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def test_a_batch_becomes_one_chunk():
    made = reader()
    chunk = made.read([event("Hel"), event("lo")])
    assert (chunk.text, chunk.finish, chunk.usage) == ("Hello", None, None)
    chunk = made.read([event("", finish="length")])
    assert (chunk.text, chunk.finish, chunk.usage) == ("", "length", Usage(3, 4))


def test_what_was_held_back_comes_with_the_end():
    made = reader()
    assert made.read([event("<thin")]) is None
    assert made.read([event("", finish="stop")]).text == "<thin"


def test_the_tokens_of_markers_are_left_out():
    made = reader(alternatives=1)
    pieces = [("<think>", ""), ("9", "9"), ("</think>", ""), ("5", "5")]
    seen = [made.read([event(text, -0.5)]) for text, _ in pieces]
    assert [c and (c.reasoning, c.text) for c in seen] == [None, ("9", ""), None, ("", "5")]
    assert [c and [t.text for t in c.tokens] for c in seen] == [None, ["9"], None, ["5"]]
    # The marker was a token too.
    assert [c and c.n_tokens for c in seen] == [None, 2, None, 2]
    assert len(seen[3].tokens[0].alternatives) == 1


def test_tokens_held_back_come_with_their_text():
    made = reader(alternatives=0)
    assert made.read([event("<", -0.1)]) is None
    assert [t.text for t in made.read([event("b", -0.2)]).tokens] == ["<", "b"]


def test_tokens_come_only_where_they_are_wanted():
    assert reader().read([event("a", -0.1)]).tokens == ()
    assert len(reader(alternatives=0).read([event("a", -0.1)]).tokens) == 1


def test_usage_may_follow_the_end():
    made = reader()
    assert made.read([json.dumps({"choices": [{"finish_reason": "stop"}]}).encode()]) is None
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    chunk = made.read([json.dumps({"choices": [], "usage": usage}).encode()])
    assert (chunk.finish, chunk.usage) == ("stop", Usage(3, 4))


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": -1}, {"prompt_tokens": "many", "completion_tokens": 1 << 70}]
)
def test_usage_that_cannot_be_is_counted_by_us(usage):
    made = reader(prompt="a b c")
    made.read([event("d"), event("e")])
    assert made.read([end(usage)]).usage == Usage(3, 2)


def test_calls_come_whole_with_the_end():
    made = reader()
    pieces = [
        {"index": 0, "id": "x", "function": {"name": "look", "arguments": '{"at"'}},
        {"index": 0, "function": {"arguments": ": true}"}},
    ]
    for piece in pieces:
        delta = {"tool_calls": [piece]}
        told = {"choices": [{"delta": delta, "finish_reason": None}]}
        assert made.read([json.dumps(told).encode()]) is None
    chunk = made.read([end({"completion_tokens": 2}, finish="tool_calls")])
    assert chunk.tool_calls == (ToolCall("x", "look", '{"at": true}'),)
    assert chunk.finish == "tool_calls"


def test_calls_of_garbage_are_the_engines_fault():
    made = reader()
    piece = {"index": 0, "function": {"name": "look", "arguments": "[1]"}}
    with pytest.raises(EngineError):
        made.read([end({}, {"tool_calls": [piece]}, "tool_calls")])
