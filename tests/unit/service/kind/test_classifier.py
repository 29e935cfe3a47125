"""The packaged classifier: how often it is right, and that no text upsets it."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.kind import KINDS, OTHER, TaskKind
from modelnet.service.kind.classifier import classify
from modelnet.service.kind.feature import BUCKETS, buckets
from modelnet.service.skill import SKILLS, draw


@pytest.mark.parametrize("skill", SKILLS)
def test_questions_it_was_not_fitted_on_are_recognised(skill: str) -> None:
    rng = random.Random(2024)
    prompts = [draw(skill, rng, "test").prompt for _ in range(300)]
    right = sum(classify(prompt).most_likely == skill for prompt in prompts)
    assert right >= 0.98 * len(prompts)


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a poem about the sea.",
        "How do I change a flat tyre?",
        "Explain the difference between TCP and UDP.",
        "Write a SQL query that finds duplicate rows.",
        "Draft a polite e-mail declining a meeting.",
        "A train leaves at noon and another an hour later. When does the second catch the first?",
    ],
)
def test_what_no_skill_covers_is_other(prompt: str) -> None:
    assert classify(prompt).most_likely == OTHER


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("what's 12 plus 30", "arithmetic"),
        ("Hi, 700-58= please", "arithmetic"),
        ("Please reverse the word lantern for me", "text"),
        ("is 345 greater than 344", "logic"),
        ("If today is Monday, what day is it in 10 days", "dates"),
        ("whats the capital of france?", "facts"),
    ],
)
def test_careless_wordings_are_recognised(prompt: str, kind: str) -> None:
    assert classify(prompt).most_likely == kind


@given(st.text() | st.text(st.characters()))
def test_any_text_has_a_posterior(text: str) -> None:
    posterior = classify(text)
    assert tuple(posterior.p) == KINDS
    assert math.isclose(sum(posterior.p.values()), 1.0)
    assert all(p >= 0 for p in posterior.p.values())


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "İ" * 500, "🙂" * 500, "٣+٤"])
def test_odd_texts_have_a_posterior_too(text: str) -> None:
    assert math.isclose(sum(classify(text).p.values()), 1.0)


def test_the_work_on_a_long_text_is_bounded() -> None:
    longest = max(
        len(buckets("".join(chr(33 + i * 7 % 90) for i in range(n)))) for n in (500, 10**6)
    )
    assert longest < 600
    assert buckets("a" * 10**6) == buckets("a" * (10**6 - 1))


@given(st.text())
def test_there_are_at_least_two_features_and_all_have_a_place(text: str) -> None:
    places = buckets(text)
    assert len(places) >= 2
    assert all(0 <= place < BUCKETS for place in places)


def test_the_value_of_a_number_says_nothing() -> None:
    assert buckets("What is 12 plus 345?") == buckets("What is 98 plus 761?")
    assert buckets("What is 12 plus 345?") != buckets("What is 1 plus 345?")


def test_a_known_kind_is_certain() -> None:
    posterior = TaskKind.certain("dates")
    assert posterior.most_likely == "dates"
    assert posterior.p == {kind: float(kind == "dates") for kind in KINDS}
