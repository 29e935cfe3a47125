"""How sure an answer makes one: by its length and by its form."""

import numpy as np
import pytest

from modelnet.service.prediction.confidence import Answers, Confidence
from tests.unit.service.prediction.world import log_loss

N, M = 600, 3


def answered(seed, has_tokens=True):
    """Return answers that are wrong where they are long, and mostly where their form is 1."""
    rng = np.random.default_rng(seed)
    long = rng.random((N, M)) < 0.3
    form = (rng.random((N, M)) < 0.2).astype(np.int64)
    p = np.where(long, 0.2, 0.85) * np.where(form == 1, 0.3, 1.0)
    right = (rng.random((N, M)) < p).astype(float)
    tokens = np.exp(rng.normal(4.0, 0.2, (N, M)) + 1.5 * long)
    distinct = np.tile(np.arange(M), (N, 1))
    return Answers(distinct=distinct, form=form, tokens=tokens if has_tokens else None), right, p


BEFORE, KINDS = np.full((N, M), 0.6), np.ones((N, 1))


@pytest.mark.parametrize("has_tokens", [True, False])
def test_signals_bring_the_probability_near_the_truth(has_tokens):
    answers, right, _ = answered(0, has_tokens)
    unseen, verdicts, truth = answered(1, has_tokens)
    after = Confidence.fit(BEFORE, KINDS, answers, right).p_right(BEFORE, KINDS, unseen)
    gain = log_loss(BEFORE, verdicts) - log_loss(after, verdicts)
    assert gain > (0.15 if has_tokens else 0.03)
    assert after.mean() == pytest.approx(verdicts.mean(), abs=0.05)
    if has_tokens:
        assert np.abs(after - truth).mean() < 0.08


def test_without_signals_a_good_probability_stays_as_it_is():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.1, 0.9, (N, M))
    right = (rng.random((N, M)) < before).astype(float)
    answers = Answers(distinct=np.tile(np.arange(M), (N, 1)), form=np.zeros((N, M), np.int64))
    after = Confidence.fit(before, KINDS, answers, right).p_right(before, KINDS, answers)
    assert np.abs(after - before).mean() < 0.05


def test_a_model_never_asked_is_judged_as_all_are():
    answers, right, _ = answered(0)
    right[:, 2] = np.nan
    right[::2, 1] = np.nan
    confidence = Confidence.fit(BEFORE, KINDS, answers, right)
    after = confidence.p_right(BEFORE, KINDS, answers)
    assert np.isfinite(after).all()
    is_long = answers.tokens[:, 2] > np.exp(4.8)
    assert after[is_long, 2].mean() < after[~is_long, 2].mean() - 0.2


def test_a_form_that_was_never_seen_says_nothing():
    answers, right, _ = answered(0)
    confidence = Confidence.fit(BEFORE, KINDS, answers, right)
    new = Answers(distinct=answers.distinct, form=np.full((N, M), 7), tokens=answers.tokens)
    after = confidence.p_right(BEFORE, KINDS, new)
    assert ((after > 0.0) & (after < 1.0)).all()


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_all_right_or_all_wrong_answers_stay_bounded(right):
    answers, _, _ = answered(0)
    verdicts = np.full((N, M), right)
    after = Confidence.fit(BEFORE, KINDS, answers, verdicts).p_right(BEFORE, KINDS, answers)
    assert np.abs(after - right).max() < 0.2
    assert ((after > 0.0) & (after < 1.0)).all()


def test_rows_are_some_of_the_answers():
    answers, _, _ = answered(0)
    few = answers.rows(np.array([3, 1]))
    assert few.tokens[0].tolist() == answers.tokens[3].tolist()
    assert few.form.shape == (2, M)
    assert answered(0, has_tokens=False)[0].rows(np.arange(2)).tokens is None
