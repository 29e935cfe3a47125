"""Requests as llama.cpp wants them."""

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
    TextPart,
)
from modelnet.resource.backend.grammar import grammar_of
from modelnet.resource.backend.llama.wire import (
    chat_body,
    completion_body,
    messages_of,
    needs_chat,
    refuse_continued_chat,
    refuse_lost,
)

USER = (Message("user", "a"),)


def body(request, temperature: float | None = None):
    return completion_body("p", request, temperature)


def test_what_is_left_open_is_left_out():
    assert body(Complete("p")) == {"prompt": "p", "stream": True}


def test_what_is_asked_for_is_passed_on():
    sampling = Sampling(5, 0.0, 0.5, 7, ("END",), 3)
    assert body(Complete("p", sampling)) == {
        "prompt": "p",
        "stream": True,
        "n_predict": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "stop": ("END",),
        "n_probs": 3,
    }


def test_the_temperature_of_the_model_is_a_default():
    assert body(Complete("p"), 0.0)["temperature"] == 0.0
    assert body(Complete("p", Sampling(temperature=1.0)), 0.0)["temperature"] == 1.0


def test_log_probabilities_without_alternatives_need_one():
    assert body(Complete("p", Sampling(top_logprobs=0)))["n_probs"] == 1


def test_parts_are_joined_and_developers_are_the_system():
    parts = (TextPart("a"), TextPart("b"))
    messages = (Message("developer", "be brief"), Message("user", parts))
    assert messages_of(messages) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "ab"},
    ]


def with_format(form, *, is_thinking: bool = False) -> dict:
    chat = Chat(USER, response_format=form)
    return completion_body("a", chat, is_thinking=is_thinking)


def test_formats_become_grammars():
    assert "grammar" not in with_format({"type": "text"})
    assert with_format({"type": "json_object"})["grammar"] == grammar_of({"type": "object"})
    schema = {"type": "array", "items": {"type": "string"}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert with_format(form) == completion_body("a", Chat(USER)) | {"grammar": grammar_of(schema)}


def test_a_thought_is_ended_before_the_form_begins():
    form = {"type": "json_object"}
    thinking = with_format(form, is_thinking=True)["grammar"]
    assert thinking == grammar_of({"type": "object"}, is_thinking=True)
    assert '"</think>"' in thinking
    chat = Chat((Message("user", (IMAGE,)),), response_format=form)
    assert chat_body(chat, is_thinking=True)["grammar"] == thinking
    assert chat_body(chat)["grammar"] == grammar_of({"type": "object"})


@pytest.mark.parametrize("form", [{"type": "nonsense"}, {"type": "json_schema"}, {}])
def test_unknown_formats_are_refused(form):
    with pytest.raises(UnsupportedError):
        with_format(form)


def test_schemas_that_cannot_be_kept_are_refused():
    schema = {"type": "array", "items": {"type": "nonsense"}}
    with pytest.raises(InvalidRequestError, match="nonsense"):
        with_format({"type": "json_schema", "json_schema": {"schema": schema}})


IMAGE = ImagePart(ImageUrl("data:image/png;base64,AAAA"))
LOOK = {"type": "function", "function": {"name": "look", "parameters": {}}}
WAIT = {"type": "function", "function": {"name": "wait", "parameters": {}}}


def card(*, has_tools: bool) -> ModelCard:
    return ModelCard(name="m", operations=("chat",), engine="llama.cpp", has_tools=has_tools)


def test_calls_and_their_answers_are_told():
    call = ToolCall("x", "look", "{}")
    messages = (Message("assistant", tool_calls=(call,)), Message("tool", "seen", tool_call_id="x"))
    function = {"name": "look", "arguments": "{}"}
    assert messages_of(messages) == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "x", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "seen", "tool_call_id": "x"},
    ]
    for message in messages:
        refuse_lost(card(has_tools=True), Chat((message,)))
        with pytest.raises(UnsupportedError):
            refuse_lost(card(has_tools=False), Chat((message,)))


def test_images_are_told_when_they_are_inside():
    (told,) = messages_of([Message("user", (TextPart("a"), IMAGE))])
    assert told["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": IMAGE.image_url.url}},
    ]
    for url in ("http://127.0.0.1/secret.png", "file:///etc/passwd", "data:text/plain;base64,AA=="):
        with pytest.raises(UnsupportedError):
            messages_of([Message("user", (ImagePart(ImageUrl(url)),))])


def test_llama_cpp_reads_the_conversation_itself_where_it_must():
    assert not needs_chat(Complete("a"))
    assert not needs_chat(Chat(USER))
    assert needs_chat(Chat(USER, tools=(LOOK,)))
    assert needs_chat(Chat((Message("user", (IMAGE,)),)))
    assert not needs_chat(Chat(USER, response_format={"type": "json_object"}))


def test_a_choice_of_one_tool_shows_no_other():
    both = (LOOK, WAIT)
    assert chat_body(Chat(USER, tools=both))["tool_choice"] == "auto"
    assert chat_body(Chat(USER, tools=both, tool_choice="required"))["tools"] == both
    one = chat_body(Chat(USER, tools=both, tool_choice="wait"))
    assert (one["tools"], one["tool_choice"]) == ([WAIT], "required")
    for tools in (both, ({"function": 1},)):
        with pytest.raises(InvalidRequestError):
            chat_body(Chat(USER, tools=tools, tool_choice="run"))


def test_a_chat_asks_for_usage_and_log_probabilities():
    told = chat_body(Chat(USER, Sampling(5, top_logprobs=0), tools=(LOOK,)), 0.5)
    assert told["stream_options"] == {"include_usage": True}
    assert (told["logprobs"], told["top_logprobs"], told["n_predict"]) == (True, 1, 5)
    assert told["temperature"] == 0.5
    assert "n_probs" not in told


def test_tools_and_a_format_are_not_both_kept():
    form = {"type": "json_object"}
    with pytest.raises(UnsupportedError):
        chat_body(Chat(USER, tools=(LOOK,), response_format=form))
    seen = Chat((Message("user", (IMAGE,)),), response_format=form)
    assert chat_body(seen)["grammar"] == grammar_of({"type": "object"})


def test_what_would_begin_anew_is_not_continued():
    begun = Partial("a")
    refuse_continued_chat(card(has_tools=True), Chat(USER, partial=begun))
    refuse_continued_chat(card(has_tools=True), Chat(USER, tools=(LOOK,)))
    for chat in (
        Chat(USER, partial=begun, tools=(LOOK,)),
        Chat((Message("user", (IMAGE,)),), partial=begun),
        Chat(USER, partial=begun, response_format={"type": "json_object"}),
    ):
        with pytest.raises(UnsupportedError):
            refuse_continued_chat(card(has_tools=True), chat)
