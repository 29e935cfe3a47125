import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.verifier.exact import judge


@pytest.mark.parametrize(
    ("expected", "answer", "verdict"),
    [
        ("Paris", "paris", 1.0),
        ("Paris", " Paris.\n", 1.0),
        ("Paris", "**Paris**", 1.0),
        ("Paris", "The answer is Paris.", 1.0),
        ("Paris", "Long thoughts on London.\nFinal answer: Paris", 1.0),
        ("Paris", "London", 0.0),
        ("Paris", "Parisian", 0.0),
        ("Paris", "The capital of France is Paris.", None),
        ("Paris", "It is not Paris but Lyon.", None),
        ("New  York", "new york", 1.0),
        ("B", "b", 1.0),
        ("B", "(B)", 1.0),
        ("B", "B.", 1.0),
        ("B", "B) Paris, since ...", 1.0),
        ("(b)", "The answer is (B).", 1.0),
        ("B", "Answer: B", 1.0),
        ("B", "A", 0.0),
        ("B", "C) Rome", 0.0),
        ("B", "Both A and B", None),
        ("1000", "1,000", 1.0),
        ("1,000.0", "1000", 1.0),
        ("0.5", "1/2", 1.0),
        ("579", "= 579", 1.0),
        ("579", "123 + 456 = 579.", 1.0),
        ("579", "578", 0.0),
        ("579", "either 579 or 578", None),
        ("-3", "-3", 1.0),
        ("-3", "3", 0.0),
        ("42", "\\boxed{42}", 1.0),
        ("50%", "50%", 1.0),
        ("ﬁne", "fine", 1.0),
        ("Ünal", "ÜNAL", 1.0),
        ("", "anything", None),
        ("  ", "", None),
        ("yes", "", 0.0),
        ("...", "...", 1.0),
        ("C++", "C", 0.0),
        ("Paris", "x" * 20_000, None),
    ],
)
def test_an_answer_is_compared(expected, answer, verdict):
    assert judge(expected, answer) == verdict


@given(st.text(min_size=1, max_size=60))
def test_whatever_is_expected_is_right(text):
    assert judge(text, text) == (1.0 if text.strip() else None)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_texts_will_do(expected, answer):
    assert judge(expected, answer) in (None, 0.0, 1.0)
