import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.skill import SKILLS
from modelnet.service.verifier.arithmetic import judge, result_of


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("What is 123 plus 456?", 579),
        ("2+2=", 4),
        ("2 + 2 = ?", 4),
        ("what's 7 x 8", 56),
        ("What is 7\u00d78?", 56),
        ("Calculate 1,000 - 1", 999),
        ("Compute (2 + 3) * 4.", 20),
        ("What is 2^10?", 1024),
        ("What is 2**-1?", Fraction(1, 2)),
        ("Subtract 5 from 12.", 7),
        ("Take 5 away from 12", 7),
        ("What is the sum of 1 and 2?", 3),
        ("What is the difference between 9 and 4?", 5),
        ("Multiply 12 by 12.", 144),
        ("Please divide 1 by 3", None),
        ("Divide 1 by 3", Fraction(1, 3)),
        ("How much is 0.1 + 0.2?", Fraction(3, 10)),
        ("What is \u22123 + 5?", 2),
        ("What is 10 divided by 4?", Fraction(5, 2)),
        ("What is 5?", 5),
        # Not questions of arithmetic, or not plain ones.
        ("What is 2026-11-24?", None),
        ("What is 11/24/2026?", None),
        ("What is 3.11.9?", None),
        ("555-1234", None),
        ("What is 1/0?", None),
        ("What is 9**9**9?", None),
        ("What is 2^100000?", None),
        ("What is 0^-1?", None),
        ("What is __import__('os')?", None),
        ("What is 1 + x?", None),
        ("What is 1 +?", None),
        ("What is 012 + 1?", None),
        ("What is (((((1?", None),
        ("What is the capital of France?", None),
        ("", None),
        ("?", None),
        ("=", None),
        ("What is " + "(" * 90 + "1" + ")" * 90 + "?", 1),
        ("What is " + "9" * 500 + "?", None),
    ],
)
def test_what_a_question_comes_to(question, result):
    assert result_of(question) == result


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("579", 1.0),
        (" 579.\n", 1.0),
        ("**579**", 1.0),
        ("$579$", 1.0),
        ("579.0", 1.0),
        ("The answer is 579.", 1.0),
        ("123 + 456 = 579", 1.0),
        ("\\boxed{579}, and 1 more", 1.0),
        ("578", 0.0),
        ("123 + 456 = 578", 0.0),
        ("\\boxed{578}. Not 579.", 0.0),
        ("It is 579, since 123+400=523 and 523+56=570", None),
        ("I do not know.", None),
        ("five hundred and seventy-nine", None),
        ("", None),
        ("٥٧٩", None),
        ("5790", 0.0),
        ("v579", None),
    ],
)
def test_an_answer_is_judged(answer, verdict):
    assert judge("What is 123 plus 456?", answer) == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("0.33", 1.0), ("0.333333", 1.0), ("1/3", 1.0), ("2/6", 1.0), ("0.3", 0.0), ("0.34", 0.0)],
)
def test_endless_decimals_may_be_rounded(answer, verdict):
    assert judge("What is 1 / 3?", answer) == verdict


def test_it_agrees_with_every_exam():
    rng = random.Random(7)
    judged = 0
    for _ in range(500):
        question = SKILLS["arithmetic"].draw(rng, "test")
        verdict = judge(question.prompt, question.answer)
        assert verdict in (1.0, None), question
        judged += verdict is not None
        assert judge(question.prompt, str(int(question.answer) + 1)) in (0.0, None)
    assert judged == 500


def test_it_judges_no_question_of_other_skills():
    rng = random.Random(7)
    for name, skill in SKILLS.items():
        if name != "arithmetic":
            for _ in range(200):
                question = skill.draw(rng, "test")
                assert judge(question.prompt, question.answer) in (None, 1.0), question


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_will_do(question, answer):
    assert judge(question, answer) in (None, 0.0, 1.0)
    assert judge(f"What is {question}?", answer) in (None, 0.0, 1.0)


@given(st.text("0123456789+-*/(). ^", max_size=120))
def test_any_formula_ends_soon(formula):
    assert judge(f"{formula}=", "1") in (None, 0.0, 1.0)
