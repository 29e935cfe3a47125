"""Stacking: members are weighed by what they say of queries they never saw."""

import numpy as np
import pytest

from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.network import Networks, Shape
from modelnet.service.prediction.stack import FOLDS, MEMBERS, Stack
from modelnet.service.prediction.table import KindTable
from tests.unit.service.prediction.world import log_loss, two_kinds

QUICK = (KindTable.fit, Linear.fit)


class Memory:
    """Knows every verdict it has seen, and nothing else."""

    def __init__(self, log):
        self.seen = {
            row.tobytes(): verdicts for row, verdicts in zip(log.x, log.right, strict=True)
        }
        self.nothing = np.full(len(log.models), 0.5)

    @classmethod
    def fit(cls, log, _):
        return cls(log)

    def p_right(self, x, models=None):
        rows = [self.seen.get(row.tobytes(), self.nothing) for row in x]
        return np.stack(rows)[:, columns(models)]


def small_network(log, rng):
    return Networks.fit(log, rng, Shape(hidden=8))


def test_the_stack_routes_right_and_is_calibrated():
    known, unseen = two_kinds(500).log, two_kinds(800, seed=1)
    members = [*QUICK, MEMBERS["neighbours"], small_network]
    stack = Stack.fit(known, np.random.default_rng(0), members)
    p = stack.p_right(unseen.log.x)
    assert (p.argmax(axis=1) == unseen.p.argmax(axis=1)).mean() > 0.97
    assert np.abs(p - unseen.p).mean() < 0.07
    for low in (0.0, 0.3, 0.5, 0.7):
        here = (p >= low) & (p < low + 0.3)
        assert p[here].mean() == pytest.approx(unseen.log.right[here].mean(), abs=0.06)
    assert stack.p_right(unseen.log.x[:9], [2, 1]) == pytest.approx(p[:9, [2, 1]])


def test_out_of_fold_is_as_good_as_on_queries_never_seen_and_no_better():
    known, unseen = two_kinds(400).log, two_kinds(2000, seed=1).log
    stack = Stack.fit(known, np.random.default_rng(0), QUICK)
    inside = log_loss(stack.out_of_fold, known.right)
    assert inside == pytest.approx(log_loss(stack.p_right(unseen.x), unseen.right), abs=0.03)


def test_a_member_that_memorises_looks_no_better_than_it_is():
    rng = np.random.default_rng(0)
    luck = OutcomeLog(
        models=("a", "b"),
        x=rng.normal(size=(200, 3)),
        right=rng.integers(0, 2, (200, 2)).astype(float),
        kinds=np.zeros(200, dtype=np.int64),
    )
    stack = Stack.fit(luck, rng, [Memory.fit, KindTable.fit])
    assert log_loss(stack.out_of_fold, luck.right) > 0.68
    assert np.abs(stack.out_of_fold - 0.5).max() < 0.2


def test_no_verdict_has_a_say_in_its_own_probability():
    log = two_kinds(60).log
    right = log.right.copy()
    right[7] = 1.0 - right[7]
    turned = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    members = [Memory.fit, *QUICK]
    one = Stack.fit(log, np.random.default_rng(5), members)
    other = Stack.fit(turned, np.random.default_rng(5), members)
    assert np.array_equal(one.folds, other.folds)
    fold = one.folds[7]
    for member, its_turned in zip(one.fold_members[fold], other.fold_members[fold], strict=True):
        assert np.array_equal(member.p_right(log.x), its_turned.p_right(log.x))
    # What is left of it comes by the weights, from what was said of the other queries.
    assert one.out_of_fold[7] == pytest.approx(other.out_of_fold[7], abs=0.05)


def test_each_query_is_in_one_fold_and_folds_are_alike_in_size():
    stack = Stack.fit(two_kinds(52).log, np.random.default_rng(0), QUICK)
    assert sorted(np.bincount(stack.folds, minlength=FOLDS)) == [10, 10, 10, 11, 11]
    assert len(stack.fold_members) == FOLDS


@pytest.mark.parametrize("n", [1, 2])
def test_one_query_or_two_are_enough(n):
    log = two_kinds(n).log
    stack = Stack.fit(log, np.random.default_rng(0), QUICK)
    assert stack.p_right(log.x).shape == (n, 4)
    assert np.isfinite(stack.out_of_fold).all()


def test_of_one_query_nothing_is_known_before_it_is_seen():
    stack = Stack.fit(two_kinds(1).log, np.random.default_rng(0), [Memory.fit])
    assert stack.out_of_fold.tolist() == [[0.5] * 4]


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_all_right_or_all_wrong(right):
    log = two_kinds(40).log
    log = OutcomeLog(
        models=log.models, x=log.x, right=np.full_like(log.right, right), kinds=log.kinds
    )
    p = Stack.fit(log, np.random.default_rng(0), QUICK).p_right(log.x)
    assert np.abs(p - right).max() < 0.05


def test_models_that_were_asked_little_are_learnt_from_what_there_is():
    log = two_kinds(400).log
    right = log.right.copy()
    right[np.random.default_rng(0).random(right.shape) < 0.7] = np.nan
    right[:, 3] = np.nan
    sparse = OutcomeLog(models=log.models, x=log.x, right=right, kinds=log.kinds)
    unseen = two_kinds(300, seed=1)
    p = Stack.fit(sparse, np.random.default_rng(0), QUICK).p_right(unseen.log.x)
    assert (p[:, :3].argmax(axis=1) == unseen.p[:, :3].argmax(axis=1)).mean() > 0.95


def test_duplicate_rows_do_no_harm():
    log = two_kinds(30).log
    twice = log.rows(np.repeat(np.arange(30), 4))
    stack = Stack.fit(twice, np.random.default_rng(0), list(MEMBERS.values())[:3])
    assert np.isfinite(stack.out_of_fold).all()
