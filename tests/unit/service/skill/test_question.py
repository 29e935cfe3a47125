import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.skill import SKILLS, Question, draw, is_correct, is_held_out

HELD_OUT_OF_FORTY = ["2", "4", "9", "36"]
KINDS = [(skill, kind) for skill in SKILLS for kind in SKILLS[skill].kinds]


def some(skill: str, part, n: int, seed: int = 1) -> list[Question]:
    rng = random.Random(seed)
    return [draw(skill, rng, part) for _ in range(n)]


def test_the_five_skills_are_there() -> None:
    assert sorted(SKILLS) == ["arithmetic", "dates", "facts", "logic", "text"]
    assert all(SKILLS[name].name == name and SKILLS[name].description for name in SKILLS)


@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_the_same_seed_draws_the_same_questions(skill: str) -> None:
    assert some(skill, "test", 50) == some(skill, "test", 50)
    assert some(skill, "test", 50) != some(skill, "test", 50, seed=2)


@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_no_problem_is_in_both_parts(skill: str) -> None:
    train = {question.key for question in some(skill, "train", 2000)}
    test = {question.key for question in some(skill, "test", 2000)}
    assert train.isdisjoint(test)
    assert all(map(is_held_out, test))


def test_the_split_never_moves() -> None:
    assert [key for key in map(str, range(40)) if is_held_out(key)] == HELD_OUT_OF_FORTY


def test_about_a_tenth_is_held_out() -> None:
    share = sum(is_held_out(f"add {a} {a + 7}") for a in range(10_000)) / 10_000
    assert 0.09 < share < 0.11


@pytest.mark.parametrize(("skill", "kind"), KINDS)
def test_every_kind_has_questions_in_both_parts(skill: str, kind: str) -> None:
    rng = random.Random(3)
    for part in ("train", "test"):
        question = SKILLS[skill].draw(rng, part, kind)
        assert (question.skill, question.kind) == (skill, kind)
        assert question.prompt.strip() == question.prompt
        assert question.answer.strip() == question.answer != ""
        assert "\n" not in question.prompt + question.answer + question.scratch


@pytest.mark.parametrize(("skill", "kind"), KINDS)
def test_a_kind_holds_out_more_than_a_handful_of_problems(skill: str, kind: str) -> None:
    rng = random.Random(4)
    keys = {SKILLS[skill].draw(rng, "test", kind).key for _ in range(300)}
    assert len(keys) >= 8


@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_the_same_problem_has_the_same_answer_in_any_wording(skill: str) -> None:
    answers: dict[tuple[str, str], set[str]] = {}
    for question in some(skill, "train", 2000):
        answers.setdefault((question.kind, question.prompt), set()).add(question.answer)
    assert all(len(found) == 1 for found in answers.values())


def test_prompts_vary_in_wording_and_care() -> None:
    prompts = [question.prompt for question in some("facts", "train", 500)]
    assert any(prompt[-1] not in "?." for prompt in prompts)
    assert any(prompt[0].islower() for prompt in prompts)


def test_questions_fit_a_small_context() -> None:
    for skill in SKILLS:
        for question in some(skill, "test", 500):
            assert len(question.prompt + question.scratch + question.answer) < 200


def test_some_answers_are_long_enough_to_be_interrupted() -> None:
    lengths = [len(question.answer) for question in some("text", "test", 500)]
    assert sum(20 <= length <= 60 for length in lengths) > 50
    assert max(lengths) <= 60


PARIS = Question("facts", "capital", "What is the capital of France?", "Paris", "k")
SHOUTED = Question("text", "capitals", "Write tea in capitals.", "TEA", "k", case_matters=True)


@pytest.mark.parametrize("reply", ["Paris", "paris", " PARIS ", "Paris.", "Paris .\n"])
def test_case_spaces_and_a_final_stop_are_forgiven(reply: str) -> None:
    assert is_correct(PARIS, reply)


@pytest.mark.parametrize("reply", ["", ".", "Par is", "Paris..", "It is Paris.", "Paris!", "Pari"])
def test_nothing_else_is_forgiven(reply: str) -> None:
    assert not is_correct(PARIS, reply)


def test_case_counts_where_it_is_the_question() -> None:
    assert is_correct(SHOUTED, "TEA.")
    assert not is_correct(SHOUTED, "tea")


@given(st.text())
def test_any_reply_can_be_judged(reply: str) -> None:
    assert is_correct(PARIS, reply) in (True, False)
