"""Tool calls: joined from their pieces, mended where their meaning is plain."""

import json

import pytest

from modelnet.core.chunk import ToolCall
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Message
from modelnet.resource.backend.tool import ToolCallReader, check_calls, json_object


def piece(arguments: str, **fields: object) -> bytes:
    return json.dumps({"function": {"arguments": arguments}, **fields}).encode()


def test_pieces_are_joined_by_their_index():
    reader = ToolCallReader("m")
    reader.feed(b'{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}')
    reader.feed(b'{"index":0,"id":"a","function":{"name":"f","arguments":"{\\"x\\""}}')
    reader.feed(piece(":1}", index=0))
    assert reader.calls() == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))


def test_pieces_without_an_index_are_calls_of_their_own():
    reader = ToolCallReader("m")
    reader.feed(piece("{}"))
    reader.feed(piece(""))
    assert [call.id for call in reader.calls()] == ["call_0", "call_1"]
    assert [call.arguments for call in reader.calls()] == ["{}", "{}"]


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"}]}', b'{"function":"f"}', b"\xff"])
def test_what_is_no_piece_is_the_models_fault(raw: bytes):
    with pytest.raises(EngineError, match="m answered"):
        ToolCallReader("m").feed(raw)


@pytest.mark.parametrize(
    "text", ['{"a": 1,}', "{'a': 1}", '```json\n{"a": 1}\n```', '{"a": 1', "{a: 1}"]
)
def test_small_mistakes_are_mended(text: str):
    assert json.loads(json_object(text, "m")) == {"a": 1}


@pytest.mark.parametrize("text", ["[1]", "7", "nonsense", "[" * 5000])
def test_what_no_reading_makes_an_object_is_refused(text: str):
    with pytest.raises(EngineError, match="no JSON object"):
        json_object(text, "m")


def test_a_call_that_was_cut_is_left_out():
    reader = ToolCallReader("m")
    reader.feed(piece("{}", index=0, id="a"))
    reader.feed(piece('{"x": "ab', index=1, id="b"))
    assert [call.id for call in reader.calls(is_cut=True)] == ["a"]
    assert [call.id for call in reader.calls()] == ["a", "b"]


LOOK = {"type": "function", "function": {"name": "look"}}
LEAP = {"type": "function", "function": {"name": "leap"}}
CALL = ToolCall("1", "look", "{}")


def asking(*tools: dict, choice: str = "auto") -> Chat:
    return Chat((Message("user", "a"),), tools=tools, tool_choice=choice)


@pytest.mark.parametrize(
    ("request_", "calls", "finish"),
    [
        (asking(LOOK), (CALL, CALL), "tool_calls"),
        (asking(LOOK), (), "stop"),
        (asking(LOOK, LEAP, choice="look"), (CALL,), "tool_calls"),
        (asking(LOOK, choice="required"), (), "length"),
        (asking(), (), "stop"),
    ],
)
def test_calls_of_what_was_offered_pass(request_, calls, finish):
    check_calls("m", request_, calls, finish)


@pytest.mark.parametrize(
    ("request_", "calls"),
    [
        (asking(), (CALL,)),
        (asking(LEAP), (CALL,)),
        (asking({"type": "web"}), (CALL,)),
        (asking(LOOK, LEAP, choice="leap"), (CALL,)),
        (asking(LOOK, choice="required"), ()),
    ],
)
def test_other_calls_are_the_models_fault(request_, calls):
    with pytest.raises(EngineError, match="m called"):
        check_calls("m", request_, calls, "stop")
