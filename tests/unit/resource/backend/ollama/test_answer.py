"""Ollama's lines, read into chunks."""

import json
from array import array
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.chunk import Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Embed
from modelnet.resource.backend.ollama.answer import AnswerReader, embed_chunk, step_chunk
from modelnet.resource.backend.reasoning import ReasoningFilter


def reader() -> AnswerReader:
    return AnswerReader("m", "a prompt", ReasoningFilter())


def line(**fields) -> bytes:
    return json.dumps(fields).encode()


def said(content: str, **more) -> bytes:
    return line(message={"role": "assistant", "content": content, **more}, done=False)


END = line(
    message={"content": ""}, done=True, done_reason="stop", prompt_eval_count=7, eval_count=2
)


def test_an_answer_is_its_lines():
    read = reader()
    first = read.read([said("Hel"), said("lo")])
    assert (first.text, first.n_tokens) == ("Hello", 2)
    assert read.read([END]).text == ""
    last = read.last()
    assert (last.finish, last.usage) == ("stop", Usage(7, 2))


def test_a_limit_is_told():
    read = reader()
    read.read([line(response="a", done=False), line(done=True, done_reason="length")])
    assert read.last().finish == "length"


def test_what_older_versions_do_not_count_is_counted():
    read = reader()
    read.read([line(response="one two", done=False), line(done=True)])
    usage = read.last().usage
    assert usage is not None
    assert usage.prompt_tokens >= 2
    assert usage.completion_tokens >= 2


def test_thought_is_told_apart_by_ollama_or_by_us():
    apart, inside = reader(), reader()
    chunk = apart.read([said("", thinking="hm"), said("57")])
    assert (chunk.reasoning, chunk.text) == ("hm", "57")
    chunk = inside.read([said("<thi"), said("nk>hm</think>57")])
    assert (chunk.reasoning, chunk.text) == ("hm", "57")


def test_tokens_of_markers_and_of_the_end_are_left_out():
    def with_token(content: str, token: str, **more) -> bytes:
        told = {"token": token, "logprob": -0.5, **more}
        return line(message={"content": content}, done=False, logprobs=[told])

    read = reader()
    chunk = read.read(
        [
            with_token("<think>", "<think>"),
            with_token("h", "h", bytes=[104]),
            with_token("</think>", "</think>"),
            with_token("5", "5", top_logprobs=[{"token": "5", "logprob": -0.5, "bytes": [53]}]),
            with_token("", ""),
        ]
    )
    assert [token.bytes for token in chunk.tokens] == [b"h", b"5"]
    assert chunk.tokens[1].alternatives[0].bytes == b"5"


def test_tool_calls_are_whole_whatever_their_arguments_come_as():
    calls = [
        {"id": "c", "function": {"name": "look", "arguments": {"up": True}}},
        {"function": {"name": "seek", "arguments": '{"where": "here",}'}},
        {"function": {"name": "rest"}},
    ]
    read = reader()
    read.read([said("", tool_calls=calls), END])
    last = read.last()
    assert last.finish == "tool_calls"
    assert [(c.id, c.name) for c in last.tool_calls] == [
        ("c", "look"),
        ("call_1", "seek"),
        ("call_2", "rest"),
    ]
    assert [json.loads(c.arguments) for c in last.tool_calls] == [
        {"up": True},
        {"where": "here"},
        {},
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"\xff",
        line(error="out of memory"),
        line(error={"message": 3}),
        line(message={"content": 3}),
        line(logprobs=[{"token": "a", "logprob": -1, "bytes": [256]}]),
        b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_garbage_and_failures_are_the_engines_fault(raw):
    with pytest.raises(EngineError):
        reader().read([raw])


def test_breaking_off_is_no_end():
    read = reader()
    read.read([said("a")])
    with pytest.raises(EngineError, match="broke off"):
        read.last()


@given(st.binary(max_size=64))
def test_no_line_does_more_than_fail(raw):
    with suppress(EngineError):
        reader().read([raw])


def test_a_step_tells_what_may_come_next():
    top = [
        {"token": "a", "logprob": -0.1, "bytes": [97]},
        {"token": "", "logprob": -2.5},
    ]
    answer = line(response="a", logprobs=[{"token": "a", "logprob": -0.1, "top_logprobs": top}])
    chunk = step_chunk("m", "a prompt", answer)
    assert [(one.bytes, one.logprob) for one in chunk.alternatives] == [(b"a", -0.1), (b"", -2.5)]
    assert chunk.usage is not None
    assert chunk.usage.prompt_tokens > 0
    for untold in (
        line(response="a"),
        line(logprobs=[]),
        line(logprobs=[{"token": "", "logprob": 0}]),
    ):
        with pytest.raises(EngineError):
            step_chunk("m", "a prompt", untold)


def test_vectors_come_together_or_one_by_one():
    request = Embed(("a", "b"))
    together = [line(embeddings=[[1.0, 0.0], [0.0, 1.0]], prompt_eval_count=5)]
    apart = [line(embedding=[1.0, 0.0]), line(embedding=[0.0, 1.0])]
    chunk = embed_chunk("m", request, together)
    assert chunk.usage == Usage(5)
    assert chunk.vectors == embed_chunk("m", request, apart).vectors
    assert chunk.vectors[0] == array("f", [1.0, 0.0]).tobytes()
    for wrong in ([b"{}"], [b"["], apart[:1], [line(embeddings=[])]):
        with pytest.raises(EngineError):
            embed_chunk("m", request, wrong)
