"""Drawing tokens: the likeliest, or by chance as was asked."""

import math
from collections import Counter

import numpy as np
import pytest

from modelnet.core.request import Sampling
from modelnet.resource.backend.transformers.drawing import (
    Drawing,
    Habits,
    likeliest,
    log_softmax,
)

P = np.array([0.1, 0.5, 0.15, 0.25])
LOGITS = np.log(P).astype(np.float32)
N = 4000


def drawn(sampling: Sampling, habits: Habits | None = None, logits=LOGITS) -> dict[int, float]:
    drawing = Drawing(sampling, habits or Habits())
    return {place: n / N for place, n in Counter(drawing.draw(logits) for _ in range(N)).items()}


def test_at_temperature_0_it_is_the_likeliest():
    assert drawn(Sampling(temperature=0.0)) == {1: 1.0}


def test_where_nobody_says_otherwise_it_is_the_likeliest():
    assert drawn(Sampling()) == {1: 1.0}


def test_at_temperature_1_it_is_the_model_s_distribution():
    found = drawn(Sampling(temperature=1.0, seed=1))
    for place, p in enumerate(P):
        assert found[place] == pytest.approx(p, abs=0.03)


def test_a_temperature_sharpens_the_distribution():
    expected = P**2 / (P**2).sum()
    found = drawn(Sampling(temperature=0.5, seed=1))
    for place, p in enumerate(expected):
        assert found[place] == pytest.approx(p, abs=0.03)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.4, {1}), (0.6, {1, 3}), (0.8, {1, 3, 2}), (1.0, {0, 1, 2, 3})]
)
def test_top_p_keeps_the_smallest_nucleus(top_p: float, kept: set[int]):
    assert drawn(Sampling(temperature=1.0, top_p=top_p, seed=1)).keys() == kept


def test_the_makers_habits_hold_where_nobody_says_otherwise():
    assert drawn(Sampling(seed=1), Habits(1.0, 1.0, 2)).keys() == {1, 3}
    assert drawn(Sampling(temperature=1.0, seed=1), Habits(1.0, 1.0, 2)).keys() == {0, 1, 2, 3}
    assert drawn(Sampling(temperature=0.0), Habits(1.0)) == {1: 1.0}


@pytest.mark.parametrize("seed", [0, 7, -1, 1 << 80])
def test_a_seed_gives_the_same_answer_again(seed: int):
    sampling = Sampling(temperature=1.0, seed=seed)
    first, second = (Drawing(sampling, Habits()) for _ in range(2))
    assert [first.draw(LOGITS) for _ in range(50)] == [second.draw(LOGITS) for _ in range(50)]


def test_without_a_seed_answers_differ():
    first, second = (Drawing(Sampling(temperature=1.0), Habits()) for _ in range(2))
    assert [first.draw(LOGITS) for _ in range(99)] != [second.draw(LOGITS) for _ in range(99)]


def test_what_has_no_probability_is_never_drawn():
    logits = np.array([-np.inf, 0.0, -np.inf, 0.0], np.float32)
    assert drawn(Sampling(temperature=2.0, seed=1), logits=logits).keys() == {1, 3}


def test_log_probabilities_are_natural_and_sum_to_one():
    logprobs = log_softmax(np.array([[0.0, 0.0], [1000.0, -1000.0]], np.float32))
    assert logprobs[0].tolist() == pytest.approx([math.log(0.5)] * 2)
    assert logprobs[1].tolist() == [0.0, -2000.0]


def test_a_sure_token_is_no_more_than_certain():
    assert log_softmax(np.array([50.0, -50.0, 1e-9], np.float32)).max() <= 0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_the_likeliest_come_first_and_the_lower_id_of_equals(count: int):
    logits = np.array([1.0, 3.0, 3.0, 2.0], np.float32)
    assert likeliest(logits, count).tolist() == [1, 2, 3, 0][:count]
