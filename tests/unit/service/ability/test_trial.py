"""What is claimed is tried, with requests that a good model can answer and a bad one cannot."""

import base64
import zlib

import pytest

from modelnet.core.card import ModelCard, Skill
from modelnet.core.request import Chat, Complete, ImagePart, Infer, operation_of
from modelnet.core.tensor import TensorSpec
from modelnet.service.ability import ABILITIES, claims, trials
from modelnet.service.ability.trial import MAX_CONTEXT

ALL = ModelCard(
    name="all",
    engine="scripted",
    operations=("chat", "complete", "step", "score", "embed", "encode", "infer"),
    parallel=3,
    context_length=100,
    has_logprobs=True,
    has_vision=True,
    has_tools=True,
    has_schema=True,
    inputs=(TensorSpec("x", "FP32", (-1, 3)), TensorSpec("word", "BYTES", (2,))),
)


def card(*operations, **changes) -> ModelCard:
    return ModelCard(name="m", engine="scripted", operations=operations, **changes)


def test_a_model_that_claims_all():
    assert claims(ALL) == ABILITIES
    for ability in ABILITIES:
        assert trials(ability, ALL, "some words"), ability


@pytest.mark.parametrize(
    ("made", "claimed"),
    [
        (card("embed", has_logprobs=True, context_length=9), ("embed",)),
        (card("infer", parallel=2), ("infer", "concurrency")),
        (card("complete", has_tools=True, can_continue=False), ("complete",)),
        (card("complete", has_vision=True), ("complete", "continuation")),
        (card("chat", "step", can_continue=False), ("chat", "step")),
    ],
)
def test_what_cannot_be_is_not_claimed(made: ModelCard, claimed: tuple[str, ...]):
    assert claims(made) == claimed


def test_operations_are_tried_as_what_they_are():
    for operation in ALL.operations:
        (trial,) = trials(operation, ALL)
        assert [operation_of(request) for request in trial.requests] == [operation]


def test_a_model_without_chat_is_asked_to_complete():
    made = card("complete", "step", context_length=50, has_logprobs=True)
    for ability in ("logprobs", "continuation", "context"):
        (trial,) = trials(ability, made, "some words")
        assert isinstance(trial.requests[0], Complete)
    (trial,) = trials("step", made)
    assert isinstance(trial.requests[0].prefix, Complete)


def test_tools_are_required_before_they_are_offered():
    required, offered = trials("tools", ALL)
    assert [one.requests[0].tool_choice for one in (required, offered)] == ["required", "auto"]


def test_continuation_needs_something_to_continue():
    assert trials("continuation", ALL, "x") == ()
    (trial,) = trials("continuation", ALL, "one two")
    assert trial.requests[0].partial.text == "one"


def test_a_crowd_is_no_larger_than_claimed():
    assert len(trials("concurrency", ALL)[0].requests) == 3
    assert len(trials("concurrency", card("embed", parallel=99))[0].requests) == 4


def test_tensors_are_made_up_from_the_card():
    (trial,) = trials("infer", ALL)
    request = trial.requests[0]
    assert isinstance(request, Infer)
    assert [tensor.shape for tensor in request.inputs] == [(1, 3), (2,)]
    for tensor in request.inputs:
        tensor.check()
    assert trial.is_guess


@pytest.mark.parametrize("inputs", [(), (TensorSpec("x", "INT8", (2**40,)),)])
def test_what_cannot_be_made_up_is_not_tried(inputs: tuple[TensorSpec, ...]):
    assert trials("infer", card("infer", inputs=inputs)) == ()


def test_the_prompt_that_is_too_long_surely_is():
    (trial,) = trials("context", ALL)
    assert len(trial.requests[0].prompt.split()) > 100
    assert trials("context", card("chat", context_length=MAX_CONTEXT + 1)) == ()


def test_the_image_is_one():
    (trial,) = trials("images", ALL)
    chat = trial.requests[0]
    assert isinstance(chat, Chat)
    part = chat.messages[0].content[1]
    assert isinstance(part, ImagePart)
    png = base64.b64decode(part.image_url.url.partition(",")[2])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    size = int.from_bytes(png[33:37], "big")
    assert zlib.decompress(png[41 : 41 + size]) == (b"\0" + b"\xff\0\0" * 64) * 64
    assert int.from_bytes(png[41 + size : 45 + size], "big") == zlib.crc32(png[37 : 41 + size])


def test_a_specialist_is_asked_what_it_knows():
    specialist = card("chat", "complete", skills=(Skill("nonsense", ""), Skill("text", "")))
    chat, complete = (trials(one, specialist)[0].requests[0].prompt for one in ("chat", "complete"))
    assert complete == f"{chat}\n"
    assert chat != trials("chat", card("chat"))[0].requests[0].prompt
    assert trials("chat", specialist) == trials("chat", specialist)
