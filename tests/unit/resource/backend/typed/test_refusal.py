"""Tensors that are not those of the card are refused with the reason."""

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import InvalidRequestError
from modelnet.core.request import Infer
from modelnet.core.tensor import Tensor, TensorSpec
from modelnet.resource.backend.typed.refusal import refuse_tensors, wanted_outputs

CARD = ModelCard(
    name="m",
    operations=("infer",),
    engine="onnx",
    inputs=(TensorSpec("x", "FP32", (-1, 2)), TensorSpec("n", "INT64", ())),
    outputs=(TensorSpec("y", "FP32", (-1,)), TensorSpec("z", "FP32", (-1,))),
)
X = Tensor("x", "FP32", (1, 2), bytes(8))
N = Tensor("n", "INT64", (), bytes(8))


def test_tensors_of_the_card_pass():
    refuse_tensors(CARD, Infer((X, N)))
    refuse_tensors(CARD, Infer((N, X), ("z", "y")))


@pytest.mark.parametrize(
    ("inputs", "outputs", "named"),
    [
        ((X,), (), "needs 'n' as well"),
        ((X, N, N), (), "was given 2"),
        ((X, N, Tensor("q", "FP32", (), bytes(4))), (), "takes no 'q'"),
        ((Tensor("x", "FP64", (1, 2), bytes(16)), N), (), "does not take x FP64"),
        ((Tensor("x", "FP32", (1, 3), bytes(12)), N), (), r"does not take x FP32\[1, 3\]"),
        ((Tensor("x", "FP32", (2,), bytes(8)), N), (), "does not take"),
        ((Tensor("x", "FP32", (-1, 2), b""), N), (), "negative"),
        ((Tensor("x", "FP32", (1, 2), bytes(7)), N), (), "7 bytes"),
        ((X, N), ("y", "w"), "gives no 'w'"),
    ],
)
def test_others_are_refused_with_what_the_model_takes(inputs, outputs, named):
    with pytest.raises(InvalidRequestError, match=named):
        refuse_tensors(CARD, Infer(inputs, outputs))


def test_outputs_come_in_the_order_asked_for_and_all_where_none_is():
    assert wanted_outputs(CARD, Infer((X, N))) == CARD.outputs
    assert [spec.name for spec in wanted_outputs(CARD, Infer((X, N), ("z", "y", "z")))] == [
        "z",
        "y",
    ]
