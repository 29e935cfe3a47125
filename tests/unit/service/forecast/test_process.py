"""The process: what a surprise says of other questions and other models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.service.forecast.process import SCALES, Process, Surprises, alike
from tests.unit.service.forecast.topics import question


def surprises(rng: np.random.Generator, count: int, models: int = 3) -> Surprises:
    directions = np.stack([question(rng, int(rng.integers(2))) for _ in range(count)])
    return Surprises(
        directions,
        rng.integers(0, models, count),
        rng.uniform(-1.0, 1.0, count),
        rng.uniform(0.05, 1.0, count),
    )


def fitted(seen: Surprises, scale=SCALES[1]) -> Process:
    return Process.fit(seen, scale, alike(seen.directions))


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 150])
def test_each_surprise_is_forecast_by_those_before_it_alone(count):
    seen = surprises(np.random.default_rng(count), count)
    ahead = fitted(seen).ahead
    assert ahead[0] == pytest.approx(0.0, abs=1e-12)
    for place in {1, count // 2, count - 1} - {0}:
        if place < count:
            before = fitted(Surprises(*(part[:place] for part in seen)))
            told = before.surprise(seen.directions[place], 3)[seen.models[place]]
            assert told == pytest.approx(ahead[place], abs=1e-5)


def test_what_is_hard_for_one_is_hard_for_others_but_less_so():
    rng = np.random.default_rng(1)
    cooking = np.stack([question(rng, 0) for _ in range(30)])
    seen = Surprises(cooking, np.zeros(30, np.int64), np.full(30, -0.5), np.ones(30))
    own, other, stranger = fitted(seen).surprise(question(rng, 0), 3)
    assert own < other < -0.05
    assert other == stranger
    assert abs(fitted(seen).surprise(question(rng, 1), 3)[0]) < abs(own) / 4


def test_the_same_question_again_and_again_is_no_trouble():
    same = np.repeat(question(np.random.default_rng(2), 0)[None], 200, axis=0)
    seen = Surprises(same, np.zeros(200, np.int64), np.full(200, 0.4), np.ones(200))
    assert fitted(seen).surprise(same[0], 1)[0] == pytest.approx(0.4, abs=0.05)


def test_what_counts_less_says_less():
    rng = np.random.default_rng(3)
    place = question(rng, 0)
    light, heavy = (
        Surprises(place[None], np.array([0]), np.array([1.0]), np.array([weight]))
        for weight in (0.05, 1.0)
    )
    assert 0.0 < fitted(light).surprise(place, 1)[0] < fitted(heavy).surprise(place, 1)[0] < 1.0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), scale=st.sampled_from(SCALES))
def test_whatever_came_it_says_something_finite_and_bounded(seed, count, scale):
    rng = np.random.default_rng(seed)
    process = fitted(surprises(rng, count), scale)
    told = process.surprise(question(rng, 0), 4)
    assert np.isfinite(told).all()
    assert np.isfinite(process.ahead).all()
    assert np.abs(told).max() < 3.0
