"""Finding the code in an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.verifier.program import code_in, flaw

ADD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "answer",
    [
        ADD,
        f"```python\n{ADD}```",
        f"Here you are:\n\n```py\n{ADD}```\nThat adds.",
        f"```\n{ADD}```",
        f"```Python title=add.py\n{ADD}```",
        f"~~~python\n{ADD}~~~",
        f"````python\n{ADD}````",
        f"```python\n{ADD}",
        f"```python\n{ADD}```\nUse it so:\n```python\nprint(add(1, 2))\n```",
        f"```sh\npip install nothing\n```\n```python\n{ADD}```\n```text\n3\n```",
        f"```python\ndef add(a, b):\n    return a - b\n```\nNo, better:\n```python\n{ADD}```",
    ],
)
def test_the_code_is_found(answer):
    assert code_in(answer) == ADD


def test_a_block_in_a_list_loses_its_indent():
    answer = "1. So:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n"
    assert code_in(answer) == ADD


def test_a_longer_fence_holds_shorter_ones():
    inner = f'TEXT = """\n```\n"""\n{ADD}'
    assert code_in(f"````python\n{inner}````") == inner


def test_without_a_definition_the_last_block_counts():
    assert code_in("```python\nx = 1\n```\n```python\nx = 2\n```") == "x = 2\n"


def test_where_there_is_no_python_all_of_it_counts():
    assert code_in("I cannot do that.") == "I cannot do that."
    assert code_in("```rust\nfn main() {}\n```") == "```rust\nfn main() {}\n```"
    assert code_in("") == ""


@given(st.text(alphabet="`~ \npyx=1", max_size=80))
def test_nothing_breaks_it(answer):
    assert isinstance(code_in(answer), str)


def test_flaws_of_tests_are_told():
    assert flaw("assert f() == 1\n") is None
    assert flaw('assert f("\\d") is 1') is None
    assert flaw("assert f(") == "'(' was never closed, line 1"
    assert flaw("\0") is not None
    assert flaw("(" * 10_000) is not None


@given(st.text(max_size=60))
def test_no_tests_break_it(tests):
    assert flaw(tests) is None or flaw(tests)
