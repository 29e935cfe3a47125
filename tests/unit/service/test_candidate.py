"""What keeps a model from answering, and the error told when none can."""

import msgspec
import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import ContextTooLongError, NoModelError, UnsupportedError
from modelnet.core.identity import NodeId
from modelnet.core.request import Chat, Infer, Message
from modelnet.core.tensor import Tensor, TensorSpec
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures, analyse
from modelnet.service.candidate import obstacle, refusal, surely_fits
from modelnet.service.kind import OTHER, TaskKind

PLAIN = TaskFeatures(kind=TaskKind.certain(OTHER))
CARD = ModelCard(name="m", operations=("chat",), engine="scripted", can_continue=False)


def features(**fields: object) -> TaskFeatures:
    return TaskFeatures(kind=PLAIN.kind, **fields)  # pyright: ignore[reportArgumentType]


def offer(card: ModelCard) -> Offer:
    return Offer(node=NodeId("n"), card=card)


GIVEN = TensorSpec("x", "FP32", (2, 3))
TAKEN = TensorSpec("x", "FP32", (-1, 3))

NEEDS = [
    ({"operation": "embed"}, {"operations": ("embed",)}, "'embed'"),
    ({"needs_vision": True}, {"has_vision": True}, "images"),
    ({"needs_tools": True}, {"has_tools": True}, "tools"),
    ({"needs_logprobs": True}, {"has_logprobs": True}, "log-probabilities"),
    ({"needs_schema": True}, {"has_schema": True}, "format"),
    ({"operation": "step"}, {"operations": ("step",)}, "'step'"),
    ({"tensors": (GIVEN,)}, {"inputs": (TAKEN,)}, "other tensors (none)"),
    ({"needs_continuation": True}, {"can_continue": True}, "begun elsewhere"),
]


@pytest.mark.parametrize(("need", "ability", "named"), NEEDS)
def test_what_a_model_lacks_is_an_obstacle_and_what_it_has_is_none(
    need: dict[str, object], ability: dict[str, object], named: str
) -> None:
    error = obstacle(CARD, features(**need))
    assert isinstance(error, UnsupportedError)
    assert named in error.message
    assert "'m'" in error.message
    assert obstacle(msgspec.structs.replace(CARD, **ability), features(**need)) is None


def test_a_step_after_a_conversation_needs_a_model_that_chats() -> None:
    needed = features(operation="step", needs_chat=True)
    card = msgspec.structs.replace(CARD, operations=("step", "complete"))
    assert isinstance(obstacle(card, needed), UnsupportedError)
    assert obstacle(msgspec.structs.replace(CARD, operations=("step", "chat")), needed) is None


def test_models_with_other_tensors_are_told_apart() -> None:
    needed = features(operation="infer", tensors=(GIVEN,))
    card = msgspec.structs.replace(CARD, operations=("infer",), inputs=(TAKEN,))
    assert obstacle(card, needed) is None
    other = msgspec.structs.replace(card, inputs=(TensorSpec("x", "FP32", (-1, 4)),))
    assert "FP32[-1, 4]" in str(obstacle(other, needed))


ROWS = ModelCard(
    name="rows",
    operations=("infer",),
    engine="onnx",
    inputs=(TAKEN,),
    outputs=(TensorSpec("y", "FP32", (-1,)),),
)
MASK = TensorSpec("mask", "INT64", (-1,))


@pytest.mark.parametrize(
    "other",
    [
        {"inputs": (TensorSpec("z", "FP32", (-1, 3)),)},
        {"inputs": (TensorSpec("x", "FP64", (-1, 3)),)},
        {"inputs": (TensorSpec("x", "FP32", (-1, 4)),)},
        {"inputs": (TensorSpec("x", "FP32", (-1, 3, 1)),)},
        {"inputs": (TAKEN, MASK)},
        {"outputs": (TensorSpec("logits", "FP32", (-1,)),)},
    ],
    ids=["name", "type", "size", "rank", "one more", "outputs"],
)
def test_two_models_of_tensors_are_told_apart_by_what_they_take_and_give(
    other: dict[str, object],
) -> None:
    wanted = analyse(Infer((Tensor("x", "FP32", (2, 3), bytes(24)),), ("y",)))
    assert obstacle(ROWS, wanted) is None
    error = obstacle(msgspec.structs.replace(ROWS, **other), wanted)
    assert isinstance(error, UnsupportedError)
    assert "other tensors" in error.message


def test_a_model_that_takes_more_is_not_asked_with_less_nor_with_more_than_it_takes() -> None:
    both = msgspec.structs.replace(ROWS, inputs=(TAKEN, MASK))
    assert obstacle(both, features(operation="infer", tensors=(GIVEN, MASK))) is None
    assert obstacle(both, features(operation="infer", tensors=(GIVEN,))) is not None
    assert obstacle(ROWS, features(operation="infer", tensors=(GIVEN, MASK))) is not None


def test_a_chat_never_goes_to_a_model_of_tensors() -> None:
    chat = analyse(Chat((Message("user", "What is 2 plus 2?"),)))
    assert isinstance(obstacle(ROWS, chat), UnsupportedError)
    assert "'chat'" in refusal(chat, [offer(ROWS)]).message


def test_a_prompt_that_surely_does_not_fit_is_an_obstacle() -> None:
    card = msgspec.structs.replace(CARD, context_length=100)
    assert isinstance(obstacle(card, features(prompt_bytes=600)), ContextTooLongError)
    assert obstacle(card, features(prompt_bytes=599)) is None
    assert obstacle(CARD, features(prompt_bytes=10**9)) is None


def test_a_prompt_surely_fits_when_its_bytes_do() -> None:
    card = msgspec.structs.replace(CARD, context_length=100)
    assert surely_fits(card, features(prompt_bytes=99))
    assert not surely_fits(card, features(prompt_bytes=100))
    assert surely_fits(CARD, features(prompt_bytes=10**9))


def test_without_candidates_there_is_no_model() -> None:
    assert isinstance(refusal(PLAIN, []), NoModelError)


def test_one_model_is_refused_by_name() -> None:
    error = refusal(features(needs_vision=True), [offer(CARD), offer(CARD)])
    assert isinstance(error, UnsupportedError)
    assert error.message.startswith("'m' cannot read images")


def test_of_several_models_the_needs_are_told() -> None:
    other = msgspec.structs.replace(CARD, name="other")
    wanted = features(
        needs_vision=True, needs_tools=True, needs_logprobs=True, needs_continuation=True
    )
    error = refusal(wanted, [offer(CARD), offer(other)])
    assert isinstance(error, UnsupportedError)
    assert "('chat', images, tools, log-probabilities, continuation)" in error.message


def test_a_long_prompt_is_told_before_a_missing_ability() -> None:
    short = msgspec.structs.replace(CARD, name="short", context_length=1, has_vision=True)
    error = refusal(features(needs_vision=True, prompt_bytes=60), [offer(CARD), offer(short)])
    assert isinstance(error, ContextTooLongError)
