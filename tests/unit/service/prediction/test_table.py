"""Tables by kind, and the classifier of kinds."""

import numpy as np
import pytest

from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.number import softmax, with_constant
from modelnet.service.prediction.table import KindClassifier, KindTable, shares_by_kind
from tests.unit.service.prediction.world import P_BY_KIND, two_kinds

RNG = np.random.default_rng(0)


def test_kinds_that_features_tell_apart_are_told():
    known, unseen = two_kinds(300).log, two_kinds(200, seed=1).log
    posterior = KindClassifier.fit(known).posterior(unseen.x)
    assert posterior.sum(axis=1) == pytest.approx(1.0)
    assert (posterior.argmax(axis=1) == unseen.kinds).mean() > 0.97


def test_the_classifier_stands_where_its_loss_is_least():
    log = two_kinds(300, features=30).log
    weights = KindClassifier.fit(log).weights
    x = with_constant(log.x)
    slope = x.T @ (softmax(x @ weights) - np.eye(2)[log.kinds])
    slope[1:] += 30.0 * weights[1:]
    assert np.abs(slope).max() < 0.5
    assert np.abs(x.T @ (0.5 - np.eye(2)[log.kinds])).max() > 100.0


@pytest.mark.parametrize("kind", [0, -1])
def test_with_one_kind_or_none_all_queries_are_of_kind_0(kind):
    log = two_kinds(20).log
    log = OutcomeLog(models=log.models, x=log.x, right=log.right, kinds=np.full(20, kind))
    assert KindClassifier.fit(log).posterior(log.x).tolist() == [[1.0]] * 20
    p = KindTable.fit(log, RNG).p_right(log.x)
    assert p.shape == (20, 4)
    assert p == pytest.approx(np.broadcast_to(log.means, (20, 4)), abs=0.2)


def test_the_table_comes_near_the_truth_and_routes_by_it():
    known, unseen = two_kinds(500).log, two_kinds(200, seed=1)
    p = KindTable.fit(known, RNG).p_right(unseen.log.x)
    assert np.abs(p - unseen.p).mean() < 0.07
    assert (p.argmax(axis=1) == P_BY_KIND[unseen.log.kinds].argmax(axis=1)).mean() > 0.97
    assert KindTable.fit(known, RNG).p_right(unseen.log.x, [2, 0]) == pytest.approx(p[:, [2, 0]])


def test_a_model_never_asked_on_a_kind_has_its_own_mean_there():
    log = two_kinds(100).log
    right = log.right.copy()
    right[log.kinds == 1, 0] = np.nan
    right[:, 3] = np.nan
    log = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    shares = shares_by_kind(log)
    assert shares[1, 0] == pytest.approx(log.means[0])
    assert shares[:, 3] == pytest.approx(np.nanmean(right))


def test_queries_of_unknown_kind_are_in_no_row():
    log = two_kinds(40).log
    half = OutcomeLog(
        models=log.models, x=log.x, right=log.right, kinds=np.where(log.kinds == 1, 1, -1)
    )
    assert shares_by_kind(half)[0] == pytest.approx(half.means)
