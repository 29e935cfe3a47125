"""Requests and cards: small derived facts that everything above relies on."""

import msgspec
import pytest

from modelnet.core.card import ModelCard, Skill
from modelnet.core.chunk import Usage
from modelnet.core.identity import NodeId, new_request_id, short_node_id
from modelnet.core.load import ModelLoad
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    TextPart,
    operation_of,
    text_of,
)
from modelnet.core.standing import Tally

PICTURE = ImagePart(ImageUrl("data:image/png;base64,"))


def test_the_text_of_a_message_leaves_images_out():
    message = Message("user", (TextPart("what is "), PICTURE, TextPart("this?")))
    assert message.text == "what is this?"
    assert message.has_image
    assert Chat((message,)).has_image
    assert not Message("user", "plain").has_image


def test_the_prompt_is_the_last_user_message():
    chat = Chat((Message("user", "first"), Message("assistant", "a"), Message("user", "second")))
    assert chat.prompt == "second"
    assert Chat((Message("system", "only"),)).prompt == ""


@pytest.mark.parametrize(
    ("request_", "operation", "text"),
    [
        (Chat((Message("user", "hello"),)), "chat", "hello"),
        (Complete("once upon"), "complete", "once upon"),
        (Embed(("first", "second")), "embed", "first"),
    ],
)
def test_operation_and_text(request_, operation, text):
    assert operation_of(request_) == operation
    assert text_of(request_) == text


def test_a_chat_without_messages_does_not_decode():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "chat", "messages": []}, Chat)


def test_a_partial_is_true_when_there_is_something_to_continue():
    assert not Partial()
    assert Partial(text="a")
    assert Partial(reasoning="b")


def test_usage_adds_up():
    assert Usage(3, 4).total_tokens == 7


def test_request_ids_are_long_and_fresh():
    assert len({new_request_id() for _ in range(100)}) == 100
    assert len(new_request_id()) == 32


def test_short_node_ids_are_the_end_of_the_key():
    assert short_node_id(NodeId("did:key:z6Mkabcdefgh")) == "abcdefgh"


def test_skill_ids():
    card = ModelCard(name="m", operations=("chat",), engine="x", skills=(Skill("a", "A"),))
    assert card.skill_ids == {"a"}


@pytest.mark.parametrize(
    ("load", "factor"),
    [
        (ModelLoad(0, 0, 1), 0.0),
        (ModelLoad(1, 0, 1), 1.0),
        (ModelLoad(2, 2, 4), 0.25),
        (ModelLoad(4, 3, 4), 1.0),
    ],
)
def test_wait_factor_counts_answers_ahead(load, factor):
    assert load.wait_factor == factor


def test_tallies_pool_and_shrink_towards_the_prior():
    tally = Tally(3, 4) + Tally(1, 1)
    assert tally == Tally(4, 5)
    assert tally.weighted(0.5) == Tally(2, 2.5)
    assert Tally().mean() == 0.5
    assert Tally(90, 100).mean() == pytest.approx(91 / 102)
    assert Tally(90, 100).deviation() < Tally(9, 10).deviation()
