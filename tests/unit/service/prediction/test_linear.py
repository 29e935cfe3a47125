"""Ridge regression of verdicts."""

import numpy as np
import pytest

from modelnet.service.prediction.linear import Linear
from tests.unit.service.prediction.world import log_loss, two_kinds

RNG = np.random.default_rng(0)


def test_linear_knows_more_than_the_means():
    known, unseen = two_kinds(3000).log, two_kinds(500, seed=1).log
    predictor = Linear.fit(known, RNG)
    p = predictor.p_right(unseen.x)
    means = np.broadcast_to(known.means, p.shape)
    assert log_loss(p, unseen.right) < log_loss(means, unseen.right) - 0.1
    assert predictor.p_right(unseen.x, [1]) == pytest.approx(p[:, [1]])


def test_far_queries_still_have_probabilities():
    known = two_kinds(50).log
    p = Linear.fit(known, RNG).p_right(1e6 * known.x)
    assert ((p >= 0.0) & (p <= 1.0)).all()


def test_one_query_gives_its_verdicts_back_nearly():
    log = two_kinds(1).log
    assert Linear.fit(log, RNG).p_right(log.x) == pytest.approx(log.right, abs=0.01)
