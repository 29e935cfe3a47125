"""Equal answers are equal, in whatever spelling; what is made to break a reader does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.testbed.bench.routing.answer import (
    CALLS,
    MISSING,
    ONE_CALL,
    TEXT,
    WRONG_CALL,
    Reading,
    reading_of,
)

TOOL = {
    "name": "math.area",
    "parameters": {"properties": {"a": {}, "b": {}, "unit": {}}, "required": ["a"]},
}
TOOLS = [TOOL, {"name": "now"}]


def called(answer):
    return reading_of(answer, TOOLS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('[{"math_area": {"a": 3, "b": 4}}]', "[math.area(a=3, b=4)]"),
        ('[{"math_area": "{\\"a\\": 3, \\"b\\": 4}"}]', "math.area(b=4, a=3)"),
        ('{"math_area": {"a": 1}}', "math_area(a=1.0)"),
        ('[{"math_area": {"b": 2, "a": 1}}]', '[{"math_area": {"a": 1, "b": 2}}]'),
        ("[math.area(a=1), now()]", "[now(), math.area(a=1)]"),
        ('[{"now": {}}, {"math_area": {"a": 1}}]', "math.area(a=1)\nnow()"),
        ("math.area(a=1); now()", "math.area(a=1), now()"),
        ("```python\nmath.area(a=1)\n```", "math.area(a=1);"),
        ("The call is [math.area(a=1)].", "math.area(a=1)"),
        ("math\\_area(a=1)", "math_area(a=1)"),
        ('math.area(a="Rome ")', '[{"math_area": {"a": "rome"}}]'),
        ("math.area(a=-5)", '[{"math_area": {"a": "-5"}}]'),
        ("math.area(a=-0)", '[{"math_area": {"a": 0}}]'),
        ("math.area(a=1/2)", '[{"math_area": {"a": 0.5}}]'),
        ("math.area(a=2*3+1-2)", '[{"math_area": {"a": 5}}]'),
        ("math.area(a=[1, (2, 3)])", '[{"math_area": {"a": [1, [2, 3]]}}]'),
        ("math.area(a={'x': 1, 'y': None})", '[{"math_area": {"a": {"y": null, "x": 1}}}]'),
        ("math.area(a=True)", '[{"math_area": {"a": true}}]'),
        ("math.area(a=0.33333333)", "math.area(a=1/3)"),
    ],
)
def test_calls_that_mean_the_same_are_equal(one, other):
    assert called(one) == called(other)
    assert called(one).form in {ONE_CALL, CALLS}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("math.area(a=1)", "math.area(a=2)"),
        ("math.area(a=1)", "math.area(a=1, b=1)"),
        ("math.area(a=1, b=2)", "math.area(a=2, b=1)"),
        ("math.area(a=[1, 2])", "math.area(a=[2, 1])"),
        ("[now(), now()]", "[now()]"),
        ("math.area(a=x)", "math.area(a=y)"),
        ("math.area(a=1/0)", "math.area(a=0)"),
    ],
)
def test_calls_that_differ_are_not(one, other):
    assert called(one).key != called(other).key


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("now()", ONE_CALL),
        ("[now(), now()]", CALLS),
        ("later()", WRONG_CALL),
        ("math.area()", WRONG_CALL),
        ("math.area(a=1, z=2)", WRONG_CALL),
        ("math.area(1)", WRONG_CALL),
        ("math.area(a=1, **more)", WRONG_CALL),
        ("math.area(a={**more})", ONE_CALL),
        ("math.area(a=f(b))", ONE_CALL),
        ("math.area(a=b'x')", ONE_CALL),
        ("I cannot.", TEXT),
        ("[]", TEXT),
        ("5", TEXT),
        ("x = 1", TEXT),
        ('[{"math_area": 5}]', TEXT),
        ("[1, 2]", TEXT),
        ("", TEXT),
        (None, MISSING),
        (7, MISSING),
    ],
)
def test_forms_of_calls(answer, form):
    assert called(answer).form == form


@pytest.mark.parametrize("parameters", [None, [], "x", {"properties": None, "required": None}])
def test_a_tool_that_is_described_strangely_takes_nothing(parameters):
    tools = [{"name": "f", "parameters": parameters}]
    assert reading_of("f()", tools).form == ONE_CALL
    assert reading_of("f(a=1)", tools).form == WRONG_CALL


NUMBERS = st.integers(-(10**6), 10**6) | st.booleans() | st.none() | st.text("abc xyz", max_size=5)
VALUES = st.recursive(
    NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("kl", max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "unit"]), VALUES, min_size=1))
def test_json_and_python_of_one_call_are_equal(arguments):
    as_json = json.dumps([{"math_area": arguments}])
    as_python = ", ".join(f"{name}={value!r}" for name, value in reversed(arguments.items()))
    assert called(as_json) == called(f"[math.area({as_python})]")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("B", "(B)."),
        ("1/2", "0.5"),
        ("3 / 4", "0.75"),
        ("1,234,567", "1234567"),
        ("$12", "12.0"),
        ("['7\\n']", "7"),
        ("'abc'", "abc"),
        ("[1, 2]", "[1,2]"),
        ("-0", "0"),
        ("1e3", "1000"),
    ],
)
def test_texts_that_mean_the_same_are_equal(one, other):
    assert reading_of(one, ()) == reading_of(other, ())
    assert reading_of(one, ()).key is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("A", "B"), ("1", "2"), ("1,2", "12"), ("4 2", "42"), ("1/0", "0"), ("nan", "inf")],
)
def test_texts_that_differ_are_not(one, other):
    assert reading_of(one, ()).key != reading_of(other, ()).key


@pytest.mark.parametrize("answer", ["x" * 201, "a line\nand another"])
def test_prose_is_compared_with_nothing(answer):
    assert reading_of(answer, ()) == Reading(None, TEXT)


@pytest.mark.parametrize("answer", ["", "  ", None, ["x"], 3.0])
def test_where_there_is_no_answer_there_is_nothing_to_read(answer):
    assert reading_of(answer, ()) == Reading(None, MISSING)


@pytest.mark.parametrize("size", [3_000, 20_000, 1_000_000])
@pytest.mark.parametrize(
    "piece",
    ["[", "(", "{", "-", "not ", "lambda:", "1+", "2**", "f(", "`" * 3, ".b", "[0]", "9", "'"],
)
def test_answers_made_to_break_a_reader_are_read_as_no_call(piece, size):
    """In bounded time: a test that is stopped by its timeout has failed."""
    text = piece * (size // len(piece))
    for answer in (text, f"math.area(a={text}1)", f"math.area(a{text})"):
        assert called(answer).form in {TEXT, ONE_CALL, WRONG_CALL}
        assert reading_of(answer, ()).form == TEXT


@pytest.mark.parametrize(
    "answer",
    [
        '[{"math_area": {"a": 1' + "0" * 400 + "}}]",
        '[{"math_area": {"a": ' + "9" * 5000 + "}}]",
        '[{"math_area": {"a": Infinity}}]',
        "math.area(a=1" + "0" * 400 + ")",
        "math.area(a=1e308*1e308)",
        "math.area(a='\ud800')",
        "math.area(a='\0')",
        "math.area(a={1: 2, 1: [3]})",
        "1/1.2.3",
        "./.",
    ],
)
def test_strange_numbers_and_letters_do_no_harm(answer):
    for tools in (TOOLS, ()):
        assert isinstance(hash(reading_of(answer, tools).key), int)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_text_can_be_read(text):
    for tools in (TOOLS, ()):
        hash(reading_of(text, tools))
