"""How far a rate may be from what was counted."""

import random

import pytest

from modelnet.service.cache.bound import between, lower_share


def test_nothing_seen_says_nothing():
    assert between(0, 0, alpha=0.05, bet=100.0) == (0.0, 1.0)
    assert lower_share(0, 0) == 0.0


def test_only_wrong_and_only_right():
    assert between(0, 50, alpha=0.05, bet=100.0)[0] == 0.0
    low, high = between(50, 50, alpha=0.05, bet=100.0)
    assert 0.8 < low < high == 1.0


def test_how_much_a_limit_of_a_hundredth_takes():
    assert between(0, 497, alpha=0.05, bet=100.0)[1] > 0.01
    assert between(0, 498, alpha=0.05, bet=100.0)[1] <= 0.01
    assert between(3, 1150, alpha=0.05, bet=100.0)[1] <= 0.01


def test_what_was_seen_lies_between():
    for of in (1, 7, 100, 5000):
        for wrong in {0, 1, of // 3, of}:
            low, high = between(wrong, of, alpha=0.05, bet=100.0)
            assert 0.0 <= low <= wrong / of <= high <= 1.0


@pytest.mark.parametrize("rate", [0.005, 0.02])
def test_it_holds_however_often_one_looks(rate):
    """A bound made for one look is below the truth at some time in far more than one run in ten."""
    missed = 0
    for seed in range(60):
        rng, wrong = random.Random(seed), 0
        for of in range(1, 801):
            wrong += rng.random() < rate
            if of % 20 == 0 and between(wrong, of, alpha=0.1, bet=100.0)[1] < rate:
                missed += 1
                break
    assert missed <= 6


def test_a_share():
    assert lower_share(3, 3) == pytest.approx(0.526, abs=0.001)
    assert lower_share(2, 2) < 0.5
    assert lower_share(5, 6) < lower_share(50, 60) < 50 / 60
