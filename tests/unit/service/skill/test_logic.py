import random
import re

import pytest

from modelnet.service.skill import SKILLS

LOGIC = SKILLS["logic"]


def drawn(kind: str, n: int = 500):
    rng = random.Random(1)
    return [LOGIC.draw(rng, "test", kind) for _ in range(n)]


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


def python_value(expression: str) -> str:
    """Python has the same precedence of not, and, or."""
    assert re.fullmatch(r"(true|false|not|and|or|[() ])+", expression)
    return str(eval(expression, {"true": True, "false": False})).lower()


def test_expressions_have_the_value_python_gives_them() -> None:
    answers = set()
    for question in drawn("boolean"):
        expression = question.key.removeprefix("boolean ")
        assert expression in question.prompt
        assert question.answer == python_value(expression)
        answers.add(question.answer)
    assert answers == {"true", "false"}


def test_every_step_of_an_expression_keeps_its_value() -> None:
    words = {"0": "false", "1": "true", "&": " and ", "|": " or ", "-": "not ", "(": "(", ")": ")"}
    for question in drawn("boolean"):
        for step in question.scratch.split("="):
            expression = "".join(words[symbol] for symbol in step)
            assert python_value(expression) == question.answer


def test_comparisons_are_right() -> None:
    for question in drawn("compare"):
        a, b = numbers(question.prompt)
        is_greater = re.search("greater|larger|more", question.prompt) is not None
        assert question.answer == {True: "yes", False: "no"}[a > b if is_greater else a < b]
        assert numbers(question.scratch) == [a, b]
        decisive = question.scratch.split()[-1].replace("=", "")[:1]
        assert decisive == (">" if a > b else "<" if a < b else "")


def test_parities_are_right() -> None:
    for question in drawn("parity"):
        (n,) = numbers(question.prompt)
        parity = "even" if str(n)[-1] in "02468" else "odd"
        asked = set(re.findall(r"\b(even|odd)\b", question.prompt))
        if len(asked) == 2:
            assert question.answer == parity
        else:
            assert question.answer == ("yes" if asked == {parity} else "no")


@pytest.mark.parametrize(("words", "place"), [("largest|maximum", -1), ("smallest|minimum", 0)])
def test_extremes_are_right(words: str, place: int) -> None:
    asked = [question for question in drawn("extreme") if re.search(words, question.prompt)]
    assert asked
    for question in asked:
        found = sorted(numbers(question.prompt))
        assert int(question.answer) == found[place] == numbers(question.scratch)[-1]


def test_orders_are_right() -> None:
    least = {"shortest", "youngest", "slowest", "weakest", "poorest"}
    for question in drawn("order"):
        told = re.findall(r"(\w+) is \w+ than (\w+)\.", question.prompt)
        above = {a.capitalize(): b for a, b in told}
        first = next(name for name in above if name not in above.values())
        chain = [first, above[first], above[above[first]]]
        superlative = re.search(r"the (\w+)\??$", question.prompt)[1]
        assert question.answer == chain[-1 if superlative in least else 0]
        assert question.scratch == ">".join(chain)
