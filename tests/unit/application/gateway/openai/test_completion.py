"""Completions of one prompt or several, streamed or whole."""

import json
from typing import Any

import msgspec

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.completion import CompletionWriter, completion
from modelnet.core.chunk import Alternative, Chunk, Token, Usage
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.task import Contribution

BY = Contribution(node=NodeId("n"), model="m", because="b")
ORIGIN = Provenance(task_id=RequestId("t"), contributors=(BY,))
LAST = Chunk(finish="length", usage=Usage(3, 2))
EURO = "€".encode()
TOKENS = (
    Token("a", -0.1, b"a", (Alternative("a", -0.1, b"a"), Alternative("b", -2.0, b"b"))),
    Token("�", -0.2, EURO[:1], (Alternative("�", -0.2, EURO[:1]),)),
    Token("�", -0.3, EURO[1:], (Alternative("�", -0.3, EURO[1:]),)),
    Token("z", -0.4, b"", ()),
)
LOGPROBS = {
    "tokens": ["a", "bytes:\\xe2", "bytes:\\x82\\xac", "z"],
    "token_logprobs": [-0.1, -0.2, -0.3, -0.4],
    "top_logprobs": [{"a": -0.1, "b": -2.0}, {"bytes:\\xe2": -0.2}, {"bytes:\\x82\\xac": -0.3}, {}],
    "text_offset": [0, 1, 1, 2],
}


def events(raw: bytes) -> list[Any]:
    *blocks, done, rest = raw.decode().split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def answer(text: str, *tokens: Token) -> Answer:
    return Answer(
        text=text,
        reasoning="",
        tokens=tokens,
        vectors=(),
        tool_calls=(),
        finish="length",
        usage=Usage(3, 2),
        contributions=(BY,),
    )


def test_whole_completions():
    response = completion(
        [answer("a€z", *TOKENS), answer("b")], id="cmpl-1", created=17, origin=ORIGIN
    )
    assert json.loads(msgspec.json.encode(response)) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 17,
        "model": "m",
        "choices": [
            {"index": 0, "text": "a€z", "logprobs": LOGPROBS, "finish_reason": "length"},
            {"index": 1, "text": "b", "logprobs": None, "finish_reason": "length"},
        ],
        "usage": {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10},
        "modelnet": {
            "task_id": "t",
            "contributors": [{"node": "n", "model": "m", "because": "b"}],
        },
    }


def test_streamed_completions_of_two_prompts():
    writer = CompletionWriter("cmpl-1", 17, has_usage=True)
    writer.answered_by("m")
    raw = writer.write(Chunk(text="a")) + writer.write(Chunk()) + writer.end_prompt(LAST)
    writer.answered_by("m2")
    raw += writer.write(Chunk(text="b")) + writer.close(LAST, ORIGIN)
    told = events(raw)
    assert [
        (event["model"], choice["index"], choice["text"], choice["finish_reason"])
        for event in told
        for choice in event["choices"]
    ] == [
        ("m", 0, "a", None),
        ("m", 0, "", "length"),
        ("m2", 1, "b", None),
        ("m2", 1, "", "length"),
    ]
    assert told[-1]["usage"] == {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
    assert told[-1]["modelnet"]["task_id"] == "t"


def test_offsets_go_on_across_chunks():
    writer = CompletionWriter("c", 1, has_usage=False)
    writer.answered_by("m")
    raw = b"".join(writer.write(Chunk(text=token.text, tokens=(token,))) for token in TOKENS)
    told = events(raw + writer.close(LAST, ORIGIN))
    offsets = [event["choices"][0]["logprobs"]["text_offset"] for event in told[:-1]]
    assert offsets == [[0], [1], [1], [2]]
    assert told[3]["choices"][0]["logprobs"]["top_logprobs"] is None
