"""A kind falls in two where models differ, and by chance it hardly ever does."""

import numpy as np
import pytest

from modelnet.service.hierarchy.split import EVIDENCE, SMALLEST, Verdicts, best_split, evidence

N = 120


def made(
    seed: int, p_by_topic=(0.9, 0.4), n: int = N, size: int = 32
) -> tuple[Verdicts, np.ndarray]:
    """Return verdicts on one model on two topics, and the topics."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 2, n)
    rows = rng.normal(size=(n, size)) * 0.1
    rows[np.arange(n), topic] += 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    right = (rng.random(n) < np.array(p_by_topic)[topic]).astype(float)
    return Verdicts(rows.astype(np.float32), np.zeros(n, np.intp), right, np.ones(n)), topic


def test_topics_on_which_a_model_differs_are_found():
    verdicts, topic = made(0)
    split = best_split(verdicts)
    assert split is not None
    agreed = (split.side == topic).mean()
    assert max(agreed, 1.0 - agreed) > 0.95
    assert np.linalg.norm(split.centres, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)


def test_topics_that_make_no_difference_are_left_together():
    assert sum(best_split(made(seed, (0.7, 0.7))[0]) is not None for seed in range(60)) <= 3


def test_models_that_are_good_at_one_each_differ_more_than_one_alone():
    verdicts, topic = made(1, (0.9, 0.6))
    models = np.arange(N) % 2
    right = np.where(models == 0, verdicts.right, 1.0 - verdicts.right)
    both = verdicts._replace(models=models, right=right)
    assert evidence(both, topic) > EVIDENCE


def test_a_half_that_is_too_small_is_none():
    verdicts, topic = made(2)
    few = np.flatnonzero(topic)[: SMALLEST - 1]
    kept = np.concatenate([np.flatnonzero(topic == 0), few])
    assert best_split(Verdicts(*(part[kept] for part in verdicts))) is None
    assert best_split(Verdicts(*(part[:5] for part in verdicts))) is None


def test_questions_that_are_all_one_are_not_split():
    verdicts, _ = made(3)
    same = verdicts._replace(directions=np.tile(verdicts.directions[:1], (N, 1)))
    assert best_split(same) is None


def test_what_counts_less_is_less_evidence():
    verdicts, topic = made(4)
    doubted = verdicts._replace(weight=np.full(N, 0.1))
    assert evidence(doubted, topic) < evidence(verdicts, topic) / 2


def test_the_same_verdicts_split_the_same_way():
    first, second = best_split(made(5)[0]), best_split(made(5)[0])
    assert first is not None
    assert second is not None
    assert (first.side == second.side).all()
