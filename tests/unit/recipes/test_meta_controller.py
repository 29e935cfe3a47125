"""Controllers learn what can be learnt, and are judged fairly beside the stack."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.table import KindTable
from recipes.meta_controller.judgement import Field, Judged, auc, gains, values
from tests.unit.service.prediction.world import log_loss, two_kinds


@pytest.fixture(scope="module")
def controllers():
    """Small ones, by name; torch is not installed everywhere."""
    pytest.importorskip("torch")
    from recipes.meta_controller.attention import Attention
    from recipes.meta_controller.context import Context
    from recipes.meta_controller.descent import Descent
    from recipes.meta_controller.graph import Graph

    quick = Descent(shown=12_000, rate=4e-3)
    return {
        "attention": Attention(dropout=0.1, descent=quick),
        "context": Context(d=16, neighbours=32, dropout=0.1, descent=quick),
        "graph": Graph(d=16, supports=128, dropout=0.1, descent=quick),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attention", "context", "graph"])
def test_a_controller_learns_which_model_is_right_where(controllers, name):
    known, unseen = two_kinds(600).log, two_kinds(500, seed=1)
    predictor = controllers[name](known, np.random.default_rng(0))
    p = predictor.p_right(unseen.log.x)
    assert (p.argmax(axis=1) == unseen.p.argmax(axis=1)).mean() > 0.97
    assert np.abs(p - unseen.p).mean() < 0.1
    assert predictor.p_right(unseen.log.x[:7], [2, 0]) == pytest.approx(p[:7, [2, 0]], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attention", "context", "graph"])
def test_a_controller_bears_gaps_and_kinds_that_nobody_knows(controllers, name):
    log = two_kinds(400).log
    right = np.where(np.random.default_rng(2).random(log.right.shape) < 0.5, np.nan, log.right)
    nobody_knows = replace(log, right=right, kinds=np.full(len(log.x), -1))
    unseen = two_kinds(300, seed=3)
    p = controllers[name](nobody_knows, np.random.default_rng(0)).p_right(unseen.log.x)
    assert np.isfinite(p).all()
    assert (p.argmax(axis=1) == unseen.p.argmax(axis=1)).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["context", "graph"])
def test_verdicts_that_are_luck_are_not_read_off_oneself(controllers, name):
    log = two_kinds(300).log
    luck = np.random.default_rng(4).integers(0, 2, log.right.shape).astype(float)
    predictor = controllers[name](replace(log, right=luck), np.random.default_rng(0))
    again = np.random.default_rng(5).integers(0, 2, log.right.shape).astype(float)
    assert log_loss(predictor.p_right(two_kinds(300, seed=6).log.x), again) < 0.8


def test_stacks_share_members_that_were_fitted_once():
    pytest.importorskip("torch")
    from recipes.meta_controller.member import Remembered, stacked

    fitted = []

    def counted(log, rng):
        fitted.append(len(log.x))
        return Linear.fit(log, rng)

    log = two_kinds(100).log
    shared = Remembered(counted, 0)
    one = stacked(log, [shared])
    other = stacked(log, [shared, KindTable.fit])
    assert fitted == [80] * 5 + [100]
    assert other.members[0] is one.members[0]
    assert (one.folds == other.folds).all()


def field_of(world):
    cost = np.tile([4.0, 3.0, 2.0, 1.0], (len(world.p), 1))
    return Field(world.log.right, cost, np.array([1.0, 0.75, 0.5, 0.25]))


def test_auc_is_the_share_of_pairs_in_order():
    p, is_right = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert auc(p, is_right) == pytest.approx(0.75)
    assert np.isnan(auc(p, np.ones(4, dtype=bool)))


def test_who_knows_more_gains_and_nobody_gains_on_oneself():
    world = two_kinds(400)
    field = field_of(world)
    knows = Judged.of(world.p, field)
    guesses = Judged.of(np.tile(world.p.mean(axis=0), (len(world.p), 1)), field)
    gain = gains([knows], [guesses], np.random.default_rng(0))
    assert gain["accuracy"].low > 0.0
    assert gain["hull_area"].low > 0.0
    assert gain["log_loss"].high < 0.0
    assert gain["accuracy"].low < gain["accuracy"].value < gain["accuracy"].high
    for name, measured in gains([knows], [knows], np.random.default_rng(0)).items():
        assert measured == (0.0, 0.0, 0.0), name
    assert values([knows])["auc"] > values([guesses])["auc"]


def test_the_hull_is_never_below_the_single_models():
    world = two_kinds(200)
    field = field_of(world)
    worst = Judged.of(1.0 - world.p, field)
    best_single = field.right.mean(axis=0).max()
    assert values([worst])["hull_area"] > 0.5 * best_single


def test_the_table_has_every_figure():
    pytest.importorskip("torch")
    from recipes.meta_controller.__main__ import laid_out, rows

    world = two_kinds(50)
    part = SimpleNamespace(
        models=world.log.models,
        domains=tuple("ab"[kind] for kind in world.log.kinds),
        surface=world.log.x,
        embedding=None,
        right=world.log.right,
        cost=field_of(world).cost,
    )
    log, x, field = laid_out(part, part)
    assert (log.kinds == world.log.kinds).all()
    assert x.shape == world.log.x.shape
    assert field.charge[log.means.argmax()] == pytest.approx(1.0)
    judged = [Judged.of(world.p, field)]
    newcomer = {
        "alone": values(judged),
        "joined": values(judged),
        "joined_gain": gains(judged, judged, np.random.default_rng(0)),
    }
    table = "\n".join(rows("two", {"stack": values(judged), "newcomers": {"oracle": newcomer}}))
    assert "| stack with oracle |" in table
    assert f"{values(judged)['accuracy']:.2f}" in table
    assert "+0.0000 (+0.0000 to +0.0000)" in table
