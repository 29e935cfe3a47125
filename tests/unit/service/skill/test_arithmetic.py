import random
import re

import pytest

from modelnet.service.skill import SKILLS

ARITHMETIC = SKILLS["arithmetic"]


def operands(prompt: str) -> tuple[int, int]:
    first, second = map(int, re.findall(r"\d+", prompt))
    swapped = prompt.casefold().startswith(("subtract", "take"))
    return (second, first) if swapped else (first, second)


@pytest.mark.parametrize(
    ("kind", "apply"),
    [
        ("add", int.__add__),
        ("subtract", int.__sub__),
        ("multiply", int.__mul__),
    ],
)
def test_answers_agree_with_the_prompt(kind, apply) -> None:
    rng = random.Random(1)
    for _ in range(500):
        question = ARITHMETIC.draw(rng, "test", kind)
        assert int(question.answer) == apply(*operands(question.prompt))


@pytest.mark.parametrize("kind", ["add", "subtract", "multiply"])
def test_every_step_of_the_scratch_read_backwards_is_true(kind: str) -> None:
    rng = random.Random(2)
    for _ in range(200):
        question = ARITHMETIC.draw(rng, "train", kind)
        steps = re.sub(r"\d+", lambda digits: digits[0][::-1], question.scratch).split("=")
        assert steps[-1] == question.answer
        for step in steps:
            a, operator, b = re.fullmatch(r"(\d+)(?:([-+*])(\d+))?", step).groups()
            applied = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
            value = applied[operator](int(a), int(b)) if operator else int(a)
            assert value == int(question.answer)


def test_the_key_of_a_sum_ignores_the_order() -> None:
    rng = random.Random(3)
    for _ in range(200):
        question = ARITHMETIC.draw(rng, "train", "add")
        assert question.key == "add {} {}".format(*sorted(operands(question.prompt)))


def test_numbers_have_up_to_three_digits_and_differences_are_not_negative() -> None:
    rng = random.Random(4)
    for _ in range(1000):
        question = ARITHMETIC.draw(rng, "train")
        assert max(operands(question.prompt)) <= 999
        assert int(question.answer) >= 0
