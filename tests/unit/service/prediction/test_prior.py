"""What names and prices let expect of models."""

import numpy as np
import pytest

from modelnet.service.prediction import DataError
from modelnet.service.prediction.prior import Experience, abilities, informed_prior, plain_name

NO_PRICE = np.zeros(3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o-2024-08-06-FC", "gpt-4o-2024-05-13"),
        ("gemini-1.5-pro-preview-0514", "gemini-1.5-pro-002"),
        ("Meta-Llama-3_1-70B-Instruct", "meta/llama-3.1-70b"),
        ("mistralai/mixtral-8x7b-chat", "Mixtral-8x7B-Instruct-v0.1"),
        ("open-mixtral-8x7b", "mixtral-8x7b"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20240620-FC"),
        ("Llama-3.1-405B-Inst@sambanova", "Meta-Llama-3.1-405B-Instruct@hyperbolic"),
        ("zero-one-ai/Yi-34B-Chat", "Yi-34B"),
    ],
)
def test_one_model_by_two_names(one, other):
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o-mini", "gpt-4o"),
        ("llama-3-70b", "llama-3.1-70b"),
        ("llama-3-70b", "llama-3-8b"),
        ("claude-3-opus", "claude-3-haiku"),
        ("claude-v2", "claude-v1"),
    ],
)
def test_two_models_keep_two_names(one, other):
    assert plain_name(one) != plain_name(other)


def test_a_name_of_nothing_but_left_out_parts_is_kept():
    assert plain_name("chat-1234") == "chat-1234"


def test_abilities_do_not_take_an_easy_set_for_good_models():
    hard = Experience(("a", "b"), np.array([0.6, 0.4]), NO_PRICE[:2])
    easy = Experience(("b", "c"), np.array([0.9, 0.8]), NO_PRICE[:2])
    ability = abilities([hard, easy])
    assert ability["a"] > ability["b"] > ability["c"]


def test_the_best_variant_of_a_model_counts():
    variants = Experience(("x-FC", "x", "y"), np.array([0.2, 0.9, 0.5]), NO_PRICE)
    ability = abilities([variants])
    assert ability["x"] > ability["y"]


def test_no_experience_is_no_prior():
    mean, deviation = informed_prior(("a", "b"), np.array([1.0, 2.0]), [])
    assert mean[0] == mean[1]
    assert deviation[0] == deviation[1] > 0.1


def test_names_are_surer_than_prices_and_prices_than_nothing():
    elsewhere = Experience(
        ("a", "b", "c", "d"), np.array([0.4, 0.6, 0.7, 0.8]), np.array([1.0, 2.0, 4.0, 8.0])
    )
    models, price = ("a", "dear", "cheap", "free"), np.array([1.0, 8.0, 1.0, 0.0])
    mean, deviation = informed_prior(models, price, [elsewhere])
    assert deviation[0] < deviation[1] == deviation[2] < deviation[3]
    assert mean[1] > mean[2]
    assert np.isfinite(mean).all()


def test_shares_that_are_no_numbers_are_left_out():
    odd = Experience(("a", "b"), np.array([np.nan, 0.5]), np.array([np.nan, 1.0]))
    assert set(abilities([odd])) == {"b"}
    mean, _ = informed_prior(("a", "b"), np.array([np.nan, 1.0]), [odd])
    assert np.isfinite(mean).all()


def test_an_experience_that_does_not_fit_together_is_refused():
    with pytest.raises(DataError, match="one share"):
        abilities([Experience(("a", "b"), np.array([0.5]), NO_PRICE[:1])])
