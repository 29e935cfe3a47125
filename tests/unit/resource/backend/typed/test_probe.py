"""Requests share a batch only where the function was seen to work row by row."""

import numpy as np
import pytest

from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.typed.probe import probe, sample

X = TensorSpec("x", "FP32", (-1, 3))
Y = TensorSpec("y", "FP32", (-1, 3))


def probed(function, inputs=(X,), outputs=(Y,), examples=None):
    return probe(
        lambda arrays: {"y": np.asarray(function(*arrays.values()))},
        inputs,
        outputs,
        np.random.default_rng(0),
        examples,
    )


@pytest.mark.parametrize(
    ("function", "is_row_by_row"),
    [
        (lambda x: 2 * x, True),
        (np.tanh, True),
        (lambda x: x - x.mean(axis=0), False),
        (lambda x: np.cumsum(x, axis=0), False),
        (np.sort, True),
        (lambda x: np.sort(x, axis=0), False),
        (np.zeros_like, False),
        (lambda x: x * np.nan, False),
        (lambda x: x[::-1], False),
    ],
    ids="double tanh centre cumulate sort columns nothing nan reverse".split(),
)
def test_a_function_is_joined_where_each_row_stands_for_itself(function, is_row_by_row):
    assert probed(function).is_row_by_row is is_row_by_row


def test_one_that_is_only_tried_with_few_rows_is_not_joined_beyond_them():
    def refuses_many(x):
        if len(x) > 4:
            raise InvalidRequestError("Too many rows.")
        return x

    assert not probed(refuses_many).is_row_by_row


def test_inputs_without_rows_are_not_joined():
    scale = TensorSpec("scale", "FP32", ())
    assert not probed(lambda x, scale: x * scale, (X, scale)).is_row_by_row


def test_fixed_rows_are_not_joined():
    fixed = TensorSpec("x", "FP32", (1, 3))
    assert not probed(lambda x: x, (fixed,), (TensorSpec("y", "FP32", (1, 3)),)).is_row_by_row


def test_what_fails_on_every_sample_is_believed_and_not_joined():
    def fails(x):
        raise EngineError("It never works.")

    assert probed(fails) == ((Y,), False)


def test_a_larger_sample_is_tried_where_a_small_one_fails():
    def pyramid(x):
        if x.shape[1] < 32:
            raise EngineError("Too small.")
        return x

    image = TensorSpec("x", "FP32", (-1, -1))
    assert probed(pyramid, (image,), (TensorSpec("y", "FP32", (-1, -1)),)).is_row_by_row


def test_outputs_that_are_other_than_announced_are_of_any_size():
    found = probed(lambda x: x, outputs=(TensorSpec("y", "FP32", (1, 3)),))
    assert found.outputs == (Y,)
    assert found.is_row_by_row
    assert probed(lambda x: x, outputs=(TensorSpec("y", "FP32", ()),)).outputs[0].shape == (-1, -1)


def test_samples_fit_their_specs_and_hold_examples_where_there_are_some():
    specs = [X, TensorSpec("t", "BYTES", (-1,)), TensorSpec("c", "FP64", (-1,))]
    made = sample(specs, np.random.default_rng(0), {"t": [b"rain"], "c": [3.0]}, rows=5)
    assert made["x"].shape == (5, 3)
    assert made["t"].tolist() == [b"rain"] * 5
    assert made["c"].tolist() == [3.0] * 5
