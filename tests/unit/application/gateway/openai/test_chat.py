"""Streamed chats and whole ones say the same, in OpenAI's words."""

import json
import math
from typing import Any

import msgspec
import pytest

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.chat import ChatWriter, chat_completion
from modelnet.core.chunk import Alternative, Chunk, Token, ToolCall, Usage
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.task import Contribution

BY = Contribution(node=NodeId("did:key:zA"), model="m", because="it is here")
ORIGIN = Provenance(task_id=RequestId("t"), contributors=(BY,))
LAST = Chunk(finish="stop", usage=Usage(3, 2))


def events(raw: bytes) -> list[Any]:
    blocks = raw.decode().split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    return [
        block[6:] if block == "data: [DONE]" else json.loads(block[6:], parse_constant=pytest.fail)
        for block in blocks
    ]


def written(*chunks: Chunk, has_usage: bool = False) -> list[Any]:
    writer = ChatWriter("chatcmpl-1", 17, has_usage=has_usage)
    writer.answered_by("m")
    raw = b"".join(writer.write(chunk) for chunk in chunks[:-1])
    return events(raw + writer.close(chunks[-1], ORIGIN))


def whole(**fields: Any) -> dict[str, Any]:
    answer = Answer(
        **{
            "text": "",
            "reasoning": "",
            "tokens": (),
            "vectors": (),
            "tool_calls": (),
            "finish": "stop",
            "usage": Usage(3, 2),
            "contributions": (BY,),
            **fields,
        }
    )
    response = chat_completion(answer, id="chatcmpl-1", created=17, origin=ORIGIN)
    return json.loads(msgspec.json.encode(response))


def test_a_stream_from_role_to_done():
    role, one, two, end, done = written(Chunk(text="a\n"), Chunk(text='"é'), LAST)
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 17, "model": "m"}
    assert role == {
        **head,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }
    assert [event["choices"][0]["delta"] for event in (one, two, end)] == [
        {"content": "a\n"},
        {"content": '"é'},
        {},
    ]
    assert end["choices"][0]["finish_reason"] == "stop"
    assert end["modelnet"] == {
        "task_id": "t",
        "contributors": [{"node": "did:key:zA", "model": "m", "because": "it is here"}],
    }
    assert done == "[DONE]"


def test_usage_comes_last_and_only_when_asked_for():
    *_, end, used, done = written(Chunk(text="a"), LAST, has_usage=True)
    assert end["usage"] is None
    assert "modelnet" not in end
    assert used["choices"] == []
    assert used["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert used["modelnet"]["task_id"] == "t"
    assert done == "[DONE]"
    assert all("usage" not in event for event in written(LAST)[:-1])


def test_a_last_chunk_may_hold_text():
    _, text, end, _ = written(msgspec.structs.replace(LAST, text="all"))
    assert text["choices"][0]["delta"] == {"content": "all"}
    assert end["choices"][0]["delta"] == {}


def test_chunks_with_nothing_to_show_are_not_sent():
    assert len(written(Chunk(), Chunk(), Chunk(), LAST)) == 3


def test_another_model_takes_over():
    writer = ChatWriter("i", 1, has_usage=False)
    writer.answered_by("a")
    first = writer.write(Chunk(text="x"))
    writer.answered_by("b")
    rest = writer.write(Chunk(text="y")) + writer.close(LAST, ORIGIN)
    models = [event["model"] for event in events(first + rest)[:-1]]
    assert models == ["a", "a", "b", "b"]


def test_reasoning_is_apart_from_the_answer():
    deltas = [
        event["choices"][0]["delta"]
        for event in written(Chunk(reasoning="hm"), Chunk(reasoning=".", text="a"), LAST)[:-1]
    ]
    assert deltas[1:3] == [
        {"reasoning_content": "hm"},
        {"reasoning_content": ".", "content": "a"},
    ]
    message = whole(text="a", reasoning="hm.")["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "reasoning_content": "hm.",
    }


TOKEN = Token("é", -0.5, "é".encode(), (Alternative("x", -math.inf, b"x"),))
TOKEN_JSON = {
    "token": "é",
    "logprob": -0.5,
    "bytes": [195, 169],
    "top_logprobs": [{"token": "x", "logprob": -9999.0, "bytes": [120]}],
}


def test_logprobs():
    streamed = written(Chunk(text="é", tokens=(TOKEN,)), LAST)[1]
    expected = {"content": [TOKEN_JSON], "refusal": None}
    assert streamed["choices"][0]["logprobs"] == expected
    assert whole(text="é", tokens=(TOKEN,))["choices"][0]["logprobs"] == expected
    assert whole(text="é")["choices"][0]["logprobs"] is None


CALLS = (ToolCall("c", "f", '{"a":1}'), ToolCall("", "g", "{}"))


def test_tool_calls():
    end = Chunk(tool_calls=CALLS[1:], finish="tool_calls", usage=Usage(1, 1))
    streamed = written(Chunk(tool_calls=CALLS[:1]), end)
    deltas = [event["choices"][0]["delta"]["tool_calls"][0] for event in streamed[1:3]]
    assert [delta["index"] for delta in deltas] == [0, 1]
    assert [delta["function"]["arguments"] for delta in deltas] == ['{"a":1}', "{}"]
    choice = whole(tool_calls=CALLS, finish="tool_calls")["choices"][0]
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "call_1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
