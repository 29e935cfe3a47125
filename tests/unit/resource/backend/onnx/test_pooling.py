"""Vectors are made of the states of tokens, never of those of padding."""

import numpy as np
import pytest

from modelnet.resource.backend.onnx.pooling import Pooler, normalised, pooled

STATES = np.array(
    [[[1.0, 4.0], [3.0, 2.0], [99.0, 99.0]], [[-1.0, -2.0], [-3.0, -4.0], [-5.0, 0.0]]]
)
MASK = np.array([[1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("pooling", "vectors"),
    [
        ("mean", [[2, 3], [-3, -2]]),
        ("cls", [[1, 4], [-1, -2]]),
        ("max", [[3, 4], [-1, 0]]),
        ("last", [[3, 2], [-5, 0]]),
    ],
)
def test_each_kind_of_pooling(pooling, vectors):
    assert pooled(STATES, MASK, pooling).tolist() == vectors
    assert Pooler(pooling).pool(STATES, MASK).tolist() == vectors


def test_vectors_are_brought_to_a_length_of_one_but_for_zeros():
    assert normalised(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
    made = Pooler("mean", is_normalised=True).pool(STATES, MASK)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1.0, 1.0])


def test_where_it_is_not_known_how_there_are_none():
    assert Pooler(None).pool(STATES, MASK) is None
