"""Trials: a forecast has a say when it was better, and as long as it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.service.forecast.trial import WORTHS, Finding, tried


def world(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is true of each answer and the verdict."""
    rng = np.random.default_rng(seed)
    p = np.where(rng.random(count) < 0.5, 0.85, 0.35)
    return p, (rng.random(count) < p).astype(float)


def trial(ahead: np.ndarray, right: np.ndarray) -> Finding:
    believed = np.full(len(right), 0.6)
    return tried(believed, believed + ahead, right, np.ones(len(right)))


def test_nothing_said_is_worth_nothing():
    _, right = world(1, 500)
    assert trial(np.zeros(500), right) == Finding()


def test_who_knows_is_heard_and_the_more_the_better_it_knows():
    p, right = world(1, 500)
    knows, guesses = trial(p - 0.6, right), trial((p - 0.6) * 3.0, right)
    assert knows.worth >= WORTHS[-2]
    assert knows.gain > 0.05
    assert 0.0 < guesses.worth < knows.worth


def test_few_verdicts_prove_nothing():
    p, right = world(1, 6)
    assert trial(p - 0.6, right).worth == 0.0


def test_chance_is_rarely_taken_for_knowledge():
    found = 0
    for seed in range(100):
        _, right = world(seed, 400)
        noise = np.random.default_rng(seed + 1000).normal(0.0, 0.1, 400)
        found += trial(noise, right).worth > 0.0
    assert found <= 5


def test_who_is_wrong_of_late_is_heard_no_more():
    p, right = world(1, 2000)
    turned = np.concatenate([(p - 0.6)[:1000], (0.6 - p)[1000:]])
    assert trial(turned[:1000], right[:1000]).worth > 0.0
    assert trial(turned, right).worth == 0.0


def test_one_class_only_is_no_trouble():
    for verdict in (0.0, 1.0):
        right = np.full(300, verdict)
        assert trial(np.full(300, verdict - 0.6), right).worth > 0.0
        assert trial(np.full(300, 0.6 - verdict), right).worth == 0.0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_what_is_found_is_sane(seed, count):
    rng = np.random.default_rng(seed)
    found = tried(
        rng.random(count), rng.normal(0.0, 2.0, count), rng.random(count), rng.random(count) + 0.01
    )
    assert found.worth in (0.0, *WORTHS)
    assert found.sure >= 0.0
    assert (found.worth > 0.0) == (found.gain > 0.0)
