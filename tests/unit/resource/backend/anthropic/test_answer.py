"""Events of the Messages API, read into chunks."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.chunk import Usage
from modelnet.core.error import EngineError, ModelnetError, OverloadedError
from modelnet.resource.backend.anthropic.answer import AnswerReader


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def start(**usage: Any) -> bytes:
    return event("message_start", message={"id": "msg", "role": "assistant", "usage": usage})


def block(index: int, kind: str, **fields: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": kind, **fields})


def delta(index: int, kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def end(reason: str, **usage: Any) -> list[bytes]:
    told = {"stop_reason": reason, "stop_sequence": None}
    return [event("message_delta", delta=told, usage=usage), event("message_stop")]


def reader(blanks: str = "") -> AnswerReader:
    return AnswerReader("m", "a prompt", blanks)


def text(words: str) -> bytes:
    return delta(0, "text_delta", text=words)


def test_a_message_is_its_events():
    read = reader()
    chunk = read.read(
        [start(input_tokens=5), event("ping"), block(0, "text", text=""), text("Hel"), text("lo")]
    )
    assert (chunk.text, chunk.n_tokens, chunk.finish) == ("Hello", 2, None)
    read.read([event("content_block_stop", index=0), *end("end_turn", output_tokens=2)])
    last = read.last()
    assert (last.text, last.finish, last.usage) == ("", "stop", Usage(5, 2))


def test_what_came_from_a_cache_was_read_too():
    read = reader()
    read.read([start(input_tokens=3, cache_creation_input_tokens=4, cache_read_input_tokens=5)])
    read.read(end("end_turn", output_tokens=9))
    assert read.last().usage == Usage(12, 9)


def test_thought_is_reasoning_and_its_seal_is_nothing():
    read = reader()
    chunk = read.read(
        [
            block(0, "thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="c2VhbA=="),
            block(1, "redacted_thinking", data="c2VjcmV0"),
            block(2, "text", text=""),
            delta(2, "text_delta", text="57"),
        ]
    )
    assert (chunk.reasoning, chunk.text) == ("hm", "57")


def test_tool_calls_are_joined_from_their_pieces():
    read = reader()
    read.read(
        [
            block(0, "text", text=""),
            text("Let me see."),
            block(1, "tool_use", id="t1", name="look", input={}),
            delta(1, "input_json_delta", partial_json=""),
            delta(1, "input_json_delta", partial_json='{"up":'),
            delta(1, "input_json_delta", partial_json=" true}"),
            block(2, "tool_use", id="t2", name="rest", input={}),
            *end("tool_use", output_tokens=9),
        ]
    )
    last = read.last()
    assert last.finish == "tool_calls"
    assert [(c.id, c.name, json.loads(c.arguments)) for c in last.tool_calls] == [
        ("t1", "look", {"up": True}),
        ("t2", "rest", {}),
    ]


def test_a_call_that_the_limit_cut_is_left_out():
    read = reader()
    read.read(
        [
            block(0, "tool_use", id="t1", name="look", input={}),
            delta(0, "input_json_delta", partial_json='{"up":true}'),
            block(1, "tool_use", id="t2", name="look", input={}),
            delta(1, "input_json_delta", partial_json='{"up":'),
            *end("max_tokens", output_tokens=9),
        ]
    )
    last = read.last()
    assert last.finish == "length"
    assert [call.id for call in last.tool_calls] == ["t1"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("invented since", "stop"),
    ],
)
def test_why_it_ended(reason, finish):
    read = reader()
    read.read([text("a"), *end(reason)])
    assert read.last().finish == finish


def test_numbers_that_cannot_be_are_counted():
    read = reader()
    read.read([start(input_tokens=-1, cache_read_input_tokens="many"), text("one two")])
    read.read(end("end_turn", output_tokens=None))
    usage = read.last().usage
    assert usage is not None
    assert usage.prompt_tokens >= 2
    assert usage.completion_tokens >= 2


@pytest.mark.parametrize("ending", [[], end("end_turn")[:1], end("end_turn")[1:]])
def test_breaking_off_is_no_end(ending):
    read = reader()
    read.read([text("a"), *ending])
    with pytest.raises(EngineError, match="broke off"):
        read.last()


def test_failures_on_the_way_are_told_apart():
    for kind, wanted in (
        ("overloaded_error", OverloadedError),
        ("rate_limit_error", OverloadedError),
        ("api_error", EngineError),
    ):
        with pytest.raises(wanted, match="too much"):
            reader().read([text("a"), event("error", error={"type": kind, "message": "too much"})])


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"{}", b"\xff", event("message_delta", delta=3), b'{"type":3}']
)
def test_garbage_is_the_engines_fault(raw):
    with pytest.raises(EngineError):
        reader().read([raw])


@given(st.binary(max_size=64))
def test_no_event_does_more_than_fail(raw):
    with suppress(ModelnetError):
        reader().read([raw])


@pytest.mark.parametrize(
    ("blanks", "pieces", "shown"),
    [
        (" ", [" fox"], "fox"),
        (" ", ["fox"], "fox"),
        ("\n\n", ["\n", "\nfox", "\n\n"], "fox\n\n"),
        ("\n\n", ["\nfox"], "fox"),
        ("\n ", ["\n", "fox ", "\n "], "fox \n "),
        ("", [" fox"], " fox"),
    ],
)
def test_blanks_that_are_there_already_are_not_said_again(blanks, pieces, shown):
    read = reader(blanks)
    assert "".join(read.read([text(piece)]).text for piece in pieces) == shown
