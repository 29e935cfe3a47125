"""The features of a query on one scale."""

import numpy as np
import pytest

from modelnet.service.prediction.design import Design


def test_what_is_learnt_from_has_no_mean_and_one_deviation():
    surface = np.random.default_rng(0).normal(5.0, 3.0, (500, 2))
    rows = Design.fit(surface).rows(surface, None)
    assert rows.mean(axis=0) == pytest.approx(0.0, abs=0.02)
    assert rows.std(axis=0) == pytest.approx(1.0, abs=0.02)


def test_a_feature_that_never_differed_stays_bounded():
    design = Design.fit(np.full((10, 1), 3.0))
    assert design.rows(np.array([[3.0], [1e9], [-1e9]]), None).ravel() == pytest.approx([0, 4, -4])


def test_an_embedding_is_put_beside_with_the_variance_of_one():
    embedding = np.random.default_rng(0).normal(size=(200, 64))
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    rows = Design.fit(np.zeros((200, 1))).rows(np.zeros((200, 1)), embedding)
    assert rows.shape == (200, 65)
    assert (rows[:, 1:] ** 2).mean() == pytest.approx(1.0)
