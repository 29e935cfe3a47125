"""From hidden states to one vector."""

import numpy as np
import pytest

from modelnet.resource.backend.transformers.folder import Embedder
from modelnet.resource.backend.transformers.pooling import pool

STATES = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 5.0]], np.float32)


@pytest.mark.parametrize(
    ("pooling", "expected"), [("mean", [1.0, 2.0]), ("first", [3.0, 0.0]), ("last", [0.0, 5.0])]
)
def test_hidden_states_are_pooled(pooling, expected):
    vector = pool(STATES, Embedder(pooling, is_normalised=False))
    assert memoryview(vector).cast("f").tolist() == pytest.approx(expected)


def test_a_vector_is_made_one_long_where_the_model_wants_it():
    vector = memoryview(pool(STATES, Embedder("mean", is_normalised=True))).cast("f").tolist()
    assert sum(x * x for x in vector) == pytest.approx(1.0)
    assert vector[1] == pytest.approx(2 * vector[0])


def test_nothing_stays_nothing_and_the_states_stay_as_they_are():
    nothing = np.zeros((2, 2), np.float32)
    assert pool(nothing, Embedder("mean", is_normalised=True)) == bytes(8)
    before = STATES.copy()
    pool(STATES, Embedder("last", is_normalised=True))
    assert (before == STATES).all()
