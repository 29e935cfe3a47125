"""Messages as chat templates know them."""

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.chunk import ToolCall
from modelnet.core.error import UnsupportedError
from modelnet.core.request import Chat, Complete, Message
from modelnet.resource.backend.transformers.prompt import refuse_forced_call, told

CARD = ModelCard(name="m", operations=("chat",), engine="transformers")
TOOLS = ({"type": "function", "function": {"name": "look"}},)
ASK = (Message("user", "Hello"),)


def test_a_message_is_role_and_text():
    assert told(Message("user", "Hello")) == {"role": "user", "content": "Hello"}


def test_the_younger_name_of_the_system_is_translated():
    assert told(Message("developer", "Be brief"))["role"] == "system"


def test_calls_are_told_with_their_arguments_as_values():
    message = Message("assistant", "", (ToolCall("c1", "look", '{"where": "up"}'),))
    (call,) = told(message)["tool_calls"]
    assert call["id"] == "c1"
    assert call["function"] == {"name": "look", "arguments": {"where": "up"}}


def test_what_a_tool_answered_says_which_call_it_answers():
    assert told(Message("tool", "a moon", tool_call_id="c1"))["tool_call_id"] == "c1"


@pytest.mark.parametrize("choice", ["required", "look"])
def test_a_call_cannot_be_forced(choice: str):
    with pytest.raises(UnsupportedError):
        refuse_forced_call(CARD, Chat(ASK, tools=TOOLS, tool_choice=choice))


@pytest.mark.parametrize("prefix", [Chat(ASK, tools=TOOLS), Chat(ASK), Complete("Hello")])
def test_a_call_need_not_be_forced(prefix):
    refuse_forced_call(CARD, prefix)
