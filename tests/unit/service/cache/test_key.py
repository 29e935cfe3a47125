"""What may be told again, and what has to be equal for it."""

import msgspec
import pytest

from modelnet.core.chunk import ToolCall
from modelnet.core.identity import RequestId
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
from modelnet.core.task import Task
from modelnet.core.wish import Wish
from modelnet.service.cache.key import key_of

CHAT = Chat((Message("system", "Be brief."), Message("user", "What is the capital of France?")))
TASK = Task(id=RequestId("a"), request=CHAT, deadline=60.0)


def key(request=CHAT, **changes):
    return key_of(msgspec.structs.replace(TASK, request=request, **changes))


def chat(**changes) -> Chat:
    return msgspec.structs.replace(CHAT, **changes)


def asked(text: str) -> Chat:
    return chat(messages=(CHAT.messages[0], Message("user", text)))


def test_ids_and_deadlines_change_no_answer():
    assert key() == key(id=RequestId("b"), deadline=99.0)
    assert key() is not None


@pytest.mark.parametrize(
    "changes",
    [{"is_kept": False}, {"expected": "Paris"}, {"tests": "assert 1"}, {"may_recall": False}],
    ids=lambda one: next(iter(one)),
)
def test_what_is_labelled_or_wanted_anew_is_not_kept(changes):
    assert key(**changes) is None


@pytest.mark.parametrize(
    "request_",
    [
        chat(sampling=Sampling(temperature=0.7)),
        chat(tools=({"type": "function", "function": {"name": "f"}},)),
        chat(messages=(Message("assistant", "", (ToolCall("1", "f", "{}"),)), *CHAT.messages)),
        chat(messages=(Message("user", (ImagePart(ImageUrl("http://a/b.png")),)),)),
        chat(partial=Partial("The capital")),
        Complete("Once", partial=Partial(" upon")),
        Embed(("a",)),
    ],
    ids=["drawn", "tools", "calls", "image", "partial", "partial completion", "embed"],
)
def test_what_is_not_the_same_twice_is_not_kept(request_):
    assert key(request_) is None


def test_a_seed_makes_a_draw_the_same_twice():
    one = key(chat(sampling=Sampling(temperature=0.7, seed=1)))
    two = key(chat(sampling=Sampling(temperature=0.7, seed=2)))
    assert one is not None
    assert two is not None
    assert one.exact != two.exact
    # A question in other words is another draw.
    assert one.frame is None


@pytest.mark.parametrize(
    ("request_", "changes"),
    [
        (asked("What is the capital of Spain?"), {}),
        (asked("What is the capital of France? "), {}),
        (chat(messages=CHAT.messages[1:]), {}),
        (chat(messages=(Message("system", "Be long."), CHAT.messages[1])), {}),
        (chat(sampling=Sampling(max_tokens=5)), {}),
        (chat(sampling=Sampling(temperature=0.0)), {}),
        (chat(sampling=Sampling(stop=("\n",))), {}),
        (chat(sampling=Sampling(top_p=0.5)), {}),
        (chat(sampling=Sampling(top_logprobs=2)), {}),
        (chat(response_format={"type": "json_object"}), {}),
        (CHAT, {"owner": "bob"}),
        (CHAT, {"models": ("zoo:calc",)}),
        (CHAT, {"models": ("auto", "zoo:calc")}),
        (CHAT, {"wish": Wish(min_quality=0.9)}),
        (Complete("What is the capital of France?"), {}),
    ],
)
def test_everything_that_changes_an_answer_is_in_the_key(request_, changes):
    other = key(request_, **changes)
    assert other is not None
    assert other.exact != key().exact


@pytest.mark.parametrize(
    ("request_", "changes"),
    [
        (chat(messages=CHAT.messages[1:]), {}),
        (chat(messages=(CHAT.messages[0], Message("user", "Hi"), *CHAT.messages[1:])), {}),
        (chat(sampling=Sampling(max_tokens=5)), {}),
        (chat(response_format={"type": "json_object"}), {}),
        (CHAT, {"owner": "bob"}),
        (CHAT, {"models": ("zoo:calc",)}),
        (CHAT, {"wish": Wish(min_quality=0.9)}),
    ],
)
def test_a_question_is_near_only_where_all_else_is_equal(request_, changes):
    other = key(request_, **changes)
    assert other is not None
    assert other.frame not in {None, key().frame}


def test_two_questions_of_one_frame():
    other = key(asked("Which city is the capital of France?"))
    assert other.frame == key().frame
    assert (other.question, key().question) == (
        "Which city is the capital of France?",
        "What is the capital of France?",
    )


@pytest.mark.parametrize(
    "request_",
    [
        Complete("What is the capital of France?"),
        chat(sampling=Sampling(top_logprobs=1)),
        chat(messages=(*CHAT.messages, Message("assistant", "Paris, I"))),
        chat(messages=(Message("user", (TextPart("What is it?"),)),)),
    ],
    ids=["raw text", "logprobs", "prefilled", "parts"],
)
def test_of_these_only_the_same_counts(request_):
    found = key(request_)
    assert found is not None
    assert found.frame is None


def test_a_key_tells_nothing_of_the_request():
    found = key(asked("My secret is 12345"), owner="alice")
    assert b"secret" not in found.exact + found.frame
    assert len(found.exact) == len(found.frame) == 32
