"""What several answers say together."""

import numpy as np
import pytest

from modelnet.service.prediction.agreement import Agreement

N = 3000


def committee(seed=0, n=N, mistakes=20):
    """Return answers of four models right in 60 %: the second says what the first says."""
    rng = np.random.default_rng(seed)
    right = (rng.random((n, 4)) < 0.6).astype(float)
    distinct = np.where(right > 0.5, 0, rng.integers(1, mistakes + 1, (n, 4)))
    right[:, 1], distinct[:, 1] = right[:, 0], distinct[:, 0]
    return np.full((n, 4), 0.6), distinct, right


@pytest.fixture(scope="module")
def agreement():
    return Agreement.fit(*committee(), np.random.default_rng(0))


def test_two_that_are_independent_are_worth_more_than_a_model_and_its_copy(agreement):
    p, distinct, right = committee(seed=1)
    alike = distinct[:, 2] == distinct[:, 3]
    independent = agreement.opinion(p, distinct, [2, 3])
    copied = agreement.opinion(p, distinct, [0, 1])
    assert independent.p[alike].mean() == pytest.approx(right[alike, 2].mean(), abs=0.04)
    assert copied.p.mean() == pytest.approx(0.6, abs=0.07)
    assert independent.p[alike].mean() > copied.p.mean() + 0.2


def test_opinions_are_calibrated_and_the_leader_gave_the_answer(agreement):
    p, distinct, right = committee(seed=1)
    opinion = agreement.opinion(p, distinct, [3, 0, 2])
    assert set(opinion.leader.tolist()) <= {0, 2, 3}
    verdicts = right[np.arange(N), opinion.leader]
    assert opinion.p.mean() == pytest.approx(verdicts.mean(), abs=0.03)
    sure = opinion.p > 0.8
    assert sure.any()
    assert opinion.p[sure].mean() == pytest.approx(verdicts[sure].mean(), abs=0.04)
    assert verdicts.mean() > 0.65
    assert (opinion.p >= opinion.runner_up).all()
    assert (opinion.p + opinion.runner_up <= 1.0 + 1e-9).all()


def test_there_is_no_runner_up_where_all_agree_or_one_speaks(agreement):
    p, distinct, _ = committee(n=50)
    assert not agreement.opinion(p, distinct, [2]).runner_up.any()
    same = np.zeros_like(distinct)
    assert not agreement.opinion(p, same, [0, 2, 3]).runner_up.any()


def test_a_single_answer_is_as_sure_as_it_was_before(agreement):
    distinct = np.zeros((3, 4), dtype=np.int64)
    p = np.tile([[0.2], [0.6], [0.95]], (1, 4))
    alone = agreement.opinion(p, distinct, [3]).p
    assert (np.diff(alone) > 0.0).all()
    assert alone[1] == pytest.approx(0.6, abs=0.1)


def test_order_of_a_group_changes_no_probability(agreement):
    p, distinct, _ = committee(seed=2, n=100)
    one, other = (agreement.opinion(p, distinct, group) for group in ([0, 2, 3], [3, 0, 2]))
    assert one.p == pytest.approx(other.p)
    assert one.runner_up == pytest.approx(other.runner_up)


def test_only_the_pool_is_learnt_of():
    agreement = Agreement.fit(*committee(n=200), np.random.default_rng(0), [1, 3])
    of_models = agreement.weights[-4:]
    assert of_models[[0, 2]].tolist() == [0.0, 0.0]
    assert (of_models[[1, 3]] != 0.0).all()


def test_two_right_answers_share_what_one_would_have():
    rng = np.random.default_rng(0)
    right = np.ones((300, 2))
    distinct = np.tile([0, 1], (300, 1))
    agreement = Agreement.fit(np.full((300, 2), 0.9), distinct, right, rng)
    opinion = agreement.opinion(np.full((1, 2), 0.9), distinct[:1], [0, 1])
    assert opinion.p[0] == pytest.approx(0.5, abs=0.06)
    assert opinion.runner_up[0] == pytest.approx(0.5, abs=0.06)


def test_verdicts_that_are_not_known_are_no_mistakes():
    p, distinct, right = committee()
    hidden = right.copy()
    hidden[:, 2] = np.nan
    agreement = Agreement.fit(p, distinct, hidden, np.random.default_rng(0))
    assert np.isfinite(agreement.weights).all()
    alike = distinct[:, 2] == distinct[:, 3]
    assert agreement.opinion(p, distinct, [2, 3]).p[alike].mean() > 0.75


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_one_query_of_one_model(verdict):
    right = np.array([[verdict]])
    agreement = Agreement.fit(
        np.array([[0.5]]), np.zeros((1, 1), np.int64), right, np.random.default_rng(0)
    )
    opinion = agreement.opinion(np.array([[0.5]]), np.zeros((1, 1), np.int64), [0])
    assert (opinion.p[0] > 0.5) == bool(verdict)
    assert opinion.leader.tolist() == [0]
