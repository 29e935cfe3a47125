"""Nearest neighbours."""

import numpy as np
import pytest

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.neighbour import Neighbours
from tests.unit.service.prediction.world import log_loss, two_kinds

RNG = np.random.default_rng(0)


def test_neighbours_know_more_than_the_means():
    known, unseen = two_kinds(400).log, two_kinds(700, seed=1).log
    p = Neighbours.fit(known, RNG).p_right(unseen.x)
    means = np.broadcast_to(known.means, p.shape)
    assert log_loss(p, unseen.right) < log_loss(means, unseen.right) - 0.03


def test_what_queries_are_asked_together_does_not_matter():
    known, unseen = two_kinds(100).log, two_kinds(600, seed=1).log
    predictor = Neighbours.fit(known, RNG)
    whole = predictor.p_right(unseen.x)
    assert predictor.p_right(unseen.x[590:]) == pytest.approx(whole[590:])
    assert predictor.p_right(unseen.x[:5], (3, 1)) == pytest.approx(whole[:5, [3, 1]])


def test_one_query_none_and_one_without_features():
    log = two_kinds(1).log
    predictor = Neighbours.fit(log, RNG)
    assert predictor.p_right(np.zeros((0, 5))).shape == (0, 4)
    assert predictor.p_right(np.zeros((1, 5))) == pytest.approx(
        (log.right + 20.0 * log.means) / 21.0
    )


def test_a_model_never_asked_has_its_mean_everywhere():
    log = two_kinds(30).log
    right = log.right.copy()
    right[:, 0] = np.nan
    log = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    assert Neighbours.fit(log, RNG).p_right(log.x)[:, 0] == pytest.approx(log.means[0])
