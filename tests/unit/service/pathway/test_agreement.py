"""What answers come down to, and which voices agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.chunk import ToolCall
from modelnet.service.pathway.agreement import agreed, conclusion
from tests.unit.service.pathway.candidates import answer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("42", "42.0"),
        ("1,200", "1200"),
        ("$1,200.50", "1200.5"),
        ("42", "The answer is 42."),
        ("42", "17 + 25 = 42"),
        ("17 + 25 = 42", "First we add. So the answer is:\n42"),
        ("#### 42", r"It follows that \boxed{42}"),
        ("-3", "Answer: -3"),
        ("1e3", "1000"),
        ("B", "(B)"),
        ("B", "B. Paris"),
        ("B)", "The answer is (B)."),
        ("**B**", "b is wrong, so the answer is B"),
        ("Paris", "paris."),
        ("The Nile", "the Nile"),
        ("Nile", "The Nile."),
        ('{"a": 1, "b": [1, 2]}', '```json\n{"b": [1, 2], "a": 1}\n```'),
    ],
)
def test_the_same_in_other_words(one: str, other: str):
    assert conclusion(one) is not None
    assert conclusion(one) == conclusion(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("42", "-42"),
        ("42", "420"),
        ("B", "C"),
        ("Paris", "London"),
        ("A", "1"),
        ('{"a": 1}', '{"a": "1"}'),
        ("[1, 2]", "[2, 1]"),
        ("12 apples", "13 apples"),
    ],
)
def test_something_else(one: str, other: str):
    assert conclusion(one) != conclusion(other)


@pytest.mark.parametrize(
    "prose", ["", " \n", "a " * 60, "This is a long sentence that says nothing short."]
)
def test_prose_and_nothing_are_not_compared(prose: str):
    assert conclusion(prose) is None


def test_calls_are_equal_up_to_the_order_of_keys_and_calls():
    one = [ToolCall("1", "f", '{"a": 1, "b": 2}'), ToolCall("2", "g", "{}")]
    other = [ToolCall("x", "g", "{ }"), ToolCall("y", "f", '{"b":2,"a":1}')]
    assert conclusion("", one) == conclusion("sure", other)
    assert conclusion("", one) != conclusion("", one[:1])
    assert conclusion("", [ToolCall("1", "f", '{"a": 2}')]) != conclusion("", one[:1])


@given(st.text(max_size=300))
def test_any_text_will_do(text: str):
    concluded = conclusion(text)
    assert concluded is None or concluded == conclusion(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1e9, max_value=1e9))
def test_a_number_is_the_same_however_many_noughts(number):
    assert conclusion(f"{number:f}") == conclusion(f"{number:f}00")


def test_two_voices_agree():
    answers = [answer("42", "a"), answer("7", "b"), answer("The answer is 42", "c")]
    assert agreed(answers) is answers[0]
    assert agreed(answers[:2]) is None
    assert agreed([]) is None


def test_replicas_and_the_models_of_one_stranger_are_one_voice():
    assert agreed([answer("42", "a", "x"), answer("42", "a", "y")]) is None
    assert agreed([answer("42", "a", "x"), answer("42", "b", "x")]) is None
    mine = [answer("42", "a", "me", is_local=True), answer("42", "b", "me", is_local=True)]
    assert agreed(mine) is mine[0]


def test_nothing_agrees_with_nothing():
    assert agreed([answer("", "a"), answer("", "b")]) is None
