"""The questions of the demo."""

from collections import Counter
from itertools import islice

from modelnet.application.demo.question import LONG_ANSWER, long_ones, mixed, of_skill
from modelnet.service.skill import SKILLS, is_held_out


def test_every_skill_has_an_equal_share():
    shares = Counter(question.skill for question in mixed(203, seed=1))
    assert set(shares) == set(SKILLS)
    assert max(shares.values()) - min(shares.values()) <= 1
    assert sum(shares.values()) == 203


def test_all_questions_are_held_out_of_training():
    assert all(is_held_out(question.key) for question in mixed(100, seed=2))
    assert all(is_held_out(question.key) for question in islice(long_ones(2), 10))


def test_the_same_seed_gives_the_same_questions():
    assert mixed(40, seed=3) == mixed(40, seed=3)
    assert mixed(40, seed=3) != mixed(40, seed=4)


def test_long_ones_take_a_while_to_answer():
    assert all(len(question.answer) >= LONG_ANSWER for question in islice(long_ones(5), 10))


def test_of_skill_yields_that_skill():
    assert {question.skill for question in islice(of_skill("dates", 6), 10)} == {"dates"}
