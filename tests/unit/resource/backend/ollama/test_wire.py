"""Requests in Ollama's words."""

import pytest

from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
    TextPart,
)
from modelnet.resource.backend.ollama.wire import (
    chat_asking,
    complete_asking,
    embed_body,
    format_of,
    next_token,
)

ASK = (Message("developer", "Be brief."), Message("user", "Hi"))
UNCUT = {"truncate": False, "shift": False}


def test_what_is_left_open_is_left_out():
    asking = chat_asking("m", Chat(ASK), thinks=True)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert asking.body == {"model": "m", "messages": turns, **UNCUT}
    assert asking.phase == "undecided"


def test_every_option_has_its_name():
    sampling = Sampling(9, 0.5, 0.9, 7, ("a", "b"), 3)
    body = chat_asking("m", Chat(ASK, sampling), thinks=False).body
    assert body["options"] == {
        "num_predict": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ("a", "b"),
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 3)


@pytest.mark.parametrize(
    ("thinks", "begun", "last", "phase"),
    [
        (False, Partial("Hel"), {"content": "Hel"}, "speaking"),
        (False, Partial("Hel", "hm"), {"content": "<think>hm</think>Hel"}, "speaking"),
        (False, Partial("", "hm"), {"content": "<think>hm"}, "thinking"),
        (True, Partial("Hel", "hm"), {"content": "Hel", "thinking": "hm"}, "speaking"),
    ],
)
def test_a_begun_answer_is_the_last_message(thinks, begun, last, phase):
    asking = chat_asking("m", Chat(ASK, partial=begun), thinks=thinks)
    assert asking.body["messages"][-1] == {"role": "assistant", **last}
    assert asking.phase == phase
    assert "think" not in asking.body


def test_thought_alone_is_not_thought_again():
    asking = chat_asking("m", Chat(ASK, partial=Partial("", "hm")), thinks=True)
    assert asking.body["think"] is False
    assert asking.body["messages"][-1]["role"] == "user"


def test_raw_text_is_completed_raw():
    request = Complete("1 2", Sampling(max_tokens=1), Partial(" 3"))
    body = complete_asking("m", request, thinks=True).body
    assert body["prompt"] == "1 2 3"
    assert body["raw"] is True
    assert body["think"] is False
    assert "think" not in complete_asking("m", request, thinks=False).body
    with pytest.raises(InvalidRequestError):
        complete_asking("m", Complete(""), thinks=False)


def test_a_step_asks_for_one_token_and_no_more_alternatives_than_there_are():
    chat = chat_asking("m", Chat(ASK, Sampling(50, stop=("a",))), thinks=False).body
    body = next_token(chat, 300)
    assert body["options"] == {"num_predict": 1, "temperature": 0}
    assert (body["logprobs"], body["top_logprobs"], body["stream"]) == (True, 20, False)
    assert next_token(chat, 3)["top_logprobs"] == 3


def test_results_of_tools_name_their_tool():
    turns = (
        Message("assistant", "", tool_calls=(ToolCall("c1", "look", '{"up":true}'),)),
        Message("tool", "a crow", tool_call_id="c1"),
    )
    asked, told = chat_asking("m", Chat(turns), thinks=False).body["messages"]
    function = {"name": "look", "arguments": {"up": True}}
    assert asked["tool_calls"] == [{"id": "c1", "function": function}]
    assert told == {
        "role": "tool",
        "content": "a crow",
        "tool_call_id": "c1",
        "tool_name": "look",
    }


def test_images_stand_beside_the_text():
    image = ImagePart(ImageUrl("data:image/png;base64,aGk="))
    turn = Message("user", (TextPart("a"), image, TextPart("b")))
    (written,) = chat_asking("m", Chat((turn,)), thinks=False).body["messages"]
    assert written == {"role": "user", "content": "ab", "images": ["aGk="]}


@pytest.mark.parametrize("choice", ["required", "look"])
def test_a_choice_of_tool_is_refused(choice):
    tool = {"type": "function", "function": {"name": "look"}}
    with pytest.raises(UnsupportedError):
        chat_asking("m", Chat(ASK, tools=(tool,), tool_choice=choice), thinks=False)


def test_forms_of_answer():
    assert format_of({"type": "json_object"}) == "json"
    schema = {"type": "object"}
    assert format_of({"type": "json_schema", "json_schema": {"schema": schema}}) == schema
    for nonsense in ({"type": "grammar"}, {"type": "json_schema"}, {}, {"json_schema": 3}):
        with pytest.raises(UnsupportedError):
            format_of(nonsense)


def test_inputs_are_not_cut():
    assert embed_body("m", Embed(("a",))) == {"model": "m", "input": ("a",), "truncate": False}
