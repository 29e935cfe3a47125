"""Sums and differences of up to three digits, and small products.

Distinct problems: 500,500 sums, 500,500 differences, about 1,000 products.
"""

import random

from modelnet.service.skill.question import Question, Skill, phrase

_ADD = (
    "What is {a} plus {b}?",
    "What is {a} + {b}?",
    "{a}+{b}=",
    "{a} + {b} = ?",
    "Add {a} and {b}.",
    "Compute {a} plus {b}.",
    "Calculate {a} + {b}.",
    "How much is {a} plus {b}?",
    "What is the sum of {a} and {b}?",
)
_SUBTRACT = (
    "What is {a} minus {b}?",
    "What is {a} - {b}?",
    "{a}-{b}=",
    "{a} - {b} = ?",
    "Subtract {b} from {a}.",
    "Compute {a} minus {b}.",
    "Calculate {a} - {b}.",
    "How much is {a} minus {b}?",
    "Take {b} away from {a}.",
)
_MULTIPLY = (
    "What is {a} times {b}?",
    "What is {a} * {b}?",
    "{a}*{b}=",
    "{a} x {b} = ?",
    "Multiply {a} by {b}.",
    "Compute {a} times {b}.",
    "Calculate {a} * {b}.",
    "How much is {a} times {b}?",
    "What is the product of {a} and {b}?",
)


def _number(rng: random.Random) -> int:
    return rng.randrange(10 ** rng.choice((1, 2, 2, 3, 3, 3, 3)))


def _add(rng: random.Random) -> Question:
    a, b = _number(rng), _number(rng)
    return Question(
        skill="arithmetic",
        kind="add",
        prompt=phrase(rng, _ADD, a=a, b=b),
        answer=str(a + b),
        key=f"add {min(a, b)} {max(a, b)}",
        scratch=_working(a, "+", b, a + b),
    )


def _subtract(rng: random.Random) -> Question:
    b, a = sorted((_number(rng), _number(rng)))
    return Question(
        skill="arithmetic",
        kind="subtract",
        prompt=phrase(rng, _SUBTRACT, a=a, b=b),
        answer=str(a - b),
        key=f"subtract {a} {b}",
        scratch=_working(a, "-", b, a - b),
    )


def _multiply(rng: random.Random) -> Question:
    a, b = rng.randint(2, 12), rng.randint(2, 99)
    if rng.random() < 0.5:
        a, b = b, a
    return Question(
        skill="arithmetic",
        kind="multiply",
        prompt=phrase(rng, _MULTIPLY, a=a, b=b),
        answer=str(a * b),
        key=f"multiply {min(a, b)} {max(a, b)}",
        scratch=_working(a, "*", b, *_partial_products(a, b), a * b),
    )


def _partial_products(a: int, b: int) -> list[str]:
    """Multiply the smaller number by the units and the tens of the larger, if that has tens."""
    small, large = sorted((a, b))
    if large < 10:
        return []
    return [f"{_reversed(small * (large % 10))}+{_reversed(small * (large - large % 10))}"]


def _working(a: int, operator: str, b: int, *steps: int | str) -> str:
    """Write the calculation with every number's units first, the order in which carries run."""
    written = (step if isinstance(step, str) else _reversed(step) for step in steps)
    return "=".join((f"{_reversed(a)}{operator}{_reversed(b)}", *written))


def _reversed(number: int) -> str:
    return str(number)[::-1]


SKILL = Skill(
    name="arithmetic",
    description="Adds and subtracts numbers of up to three digits, and multiplies small ones.",
    kinds={"add": _add, "subtract": _subtract, "multiply": _multiply},
)
