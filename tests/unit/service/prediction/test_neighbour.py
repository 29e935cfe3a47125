"""Nearest neighbours."""

from dataclasses import replace

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
    assert predictor.p_right(np.zeros((1, 5))) == pytest.approx((log.right + 5.0 * log.means) / 6.0)


def test_a_model_never_asked_has_its_mean_everywhere():
    log = two_kinds(30).log
    right = log.right.copy()
    right[:, 0] = np.nan
    log = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    assert Neighbours.fit(log, RNG).p_right(log.x)[:, 0] == pytest.approx(log.means[0])


def test_form_tells_where_the_subject_drowns_it():
    world, unseen = two_kinds(400), two_kinds(400, seed=1)
    subjects = np.random.default_rng(2).normal(size=(800, 60))
    x = np.concatenate([world.log.x, subjects[:400]], axis=1)
    asked = np.concatenate([unseen.log.x, subjects[400:]], axis=1)
    log = replace(world.log, x=x, n_surface=5)
    by_all, by_form = (fit(log, RNG).p_right(asked) for fit in (Neighbours.fit, Neighbours.of_form))
    assert log_loss(by_form, unseen.log.right) < log_loss(by_all, unseen.log.right) - 0.02
    assert by_form == pytest.approx(Neighbours.fit(world.log, RNG).p_right(unseen.log.x))


def test_where_nobody_tells_form_from_subject_all_is_compared():
    log = two_kinds(60).log
    by_all, by_form = (fit(log, RNG).p_right(log.x) for fit in (Neighbours.fit, Neighbours.of_form))
    assert np.array_equal(by_form, by_all)
