"""Requests in the words of the Messages API."""

import pytest

from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
    TextPart,
)
from modelnet.resource.backend.anthropic.wire import message_body, tool_of, turns_of

ASK = (Message("user", "Hi"),)


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def test_what_is_left_open_is_left_out_but_the_limit():
    assert message_body("m", Chat(ASK), 99) == {
        "model": "m",
        "max_tokens": 99,
        "stream": True,
        "messages": [{"role": "user", "content": [text("Hi")]}],
    }


def test_every_option_has_its_name():
    sampling = Sampling(9, 0.5, 0.9, stop=("a", "b"))
    body = message_body("m", Chat(ASK, sampling), 99)
    assert (body["max_tokens"], body["temperature"], body["top_p"]) == (9, 0.5, 0.9)
    assert body["stop_sequences"] == ("a", "b")


@pytest.mark.parametrize("sampling", [Sampling(seed=0), Sampling(temperature=1.01)])
def test_what_there_is_no_word_for_is_refused(sampling):
    with pytest.raises(UnsupportedError):
        message_body("m", Chat(ASK, sampling), 99)


def test_system_turns_stand_apart_and_the_others_take_turns():
    turns = (
        Message("system", "One."),
        Message("user", "a"),
        Message("developer", "Two."),
        Message("user", "b"),
        Message("assistant", ""),
        Message("assistant", "c"),
        Message("user", "  "),
        Message("assistant", "d"),
        Message("user", "e"),
    )
    body = message_body("m", Chat(turns), 99)
    assert body["system"] == "One.\n\nTwo."
    assert body["messages"] == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
        {"role": "user", "content": [text("e")]},
    ]


def test_results_of_tools_are_the_users():
    calls = (ToolCall("c1", "look", '{"up":true}'), ToolCall("c2", "rest", ""))
    turns = (
        Message("assistant", "Let me see.", tool_calls=calls),
        Message("tool", "a crow", tool_call_id="c1"),
        Message("tool", "", tool_call_id="c2"),
        Message("user", "Well?"),
    )
    asked, told = turns_of(turns)
    assert asked["content"] == [
        text("Let me see."),
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"up": True}},
        {"type": "tool_use", "id": "c2", "name": "rest", "input": {}},
    ]
    assert told["role"] == "user"
    assert told["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [text("a crow")]},
        {"type": "tool_result", "tool_use_id": "c2", "content": []},
        text("Well?"),
    ]
    broken = Message("assistant", "", tool_calls=(ToolCall("c", "look", "[1]"),))
    with pytest.raises(InvalidRequestError):
        turns_of((broken,))


def test_images_travel_inside():
    image = ImagePart(ImageUrl("data:image/png;base64,aGk="))
    (turn,) = turns_of((Message("user", (image, TextPart("What?"))),))
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert turn["content"] == [{"type": "image", "source": source}, text("What?")]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", None),
        ("required", {"type": "any"}),
        ("look", {"type": "tool", "name": "look"}),
    ],
)
def test_tools_and_the_choice_among_them(choice, written):
    parameters = {"type": "object", "properties": {}}
    function = {"name": "look", "description": "Look.", "parameters": parameters}
    tool = {"type": "function", "function": function}
    body = message_body("m", Chat(ASK, tools=(tool,), tool_choice=choice), 99)
    assert body["tools"] == [{"name": "look", "description": "Look.", "input_schema": parameters}]
    assert body.get("tool_choice") == written
    assert tool_of({"function": {"name": "a"}})["input_schema"] == {"type": "object"}
    for nonsense in ({}, {"function": {}}, {"function": {"name": 3}}):
        with pytest.raises(InvalidRequestError):
            tool_of(nonsense)


@pytest.mark.parametrize(("begun", "last"), [("Hel", "Hel"), ("Hel \n", "Hel"), (" \n", None)])
def test_a_begun_answer_is_the_last_turn_without_its_last_blanks(begun, last):
    turns = message_body("m", Chat(ASK, partial=Partial(begun, "hm")), 99)["messages"]
    if last is None:
        assert turns[-1]["role"] == "user"
    else:
        assert turns[-1] == {"role": "assistant", "content": [text(last)]}


def test_a_schema_is_passed_on_and_other_forms_refused():
    schema = {"type": "object"}
    form = {"type": "json_schema", "json_schema": {"schema": schema}}
    body = message_body("m", Chat(ASK, response_format=form), 99)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "output_config" not in message_body("m", Chat(ASK, response_format={"type": "text"}), 9)
    with pytest.raises(UnsupportedError):
        message_body("m", Chat(ASK, response_format={"type": "json_object"}), 99)
