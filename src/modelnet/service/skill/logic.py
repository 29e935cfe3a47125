"""True and false, larger and smaller, even and odd, and who comes first.

Distinct problems: about 10,000 expressions, 500,000 pairs of numbers, 10,000 numbers to call even
or odd, millions of lists and orders.
"""

import random
from collections.abc import Callable, Iterable

from modelnet.service.skill.question import Question, Skill, phrase

_BOOLEAN = (
    "{e} = ?",
    "What is {e}?",
    "Evaluate {e}.",
    "Compute {e}.",
    "Is {e} true or false?",
)
_GREATER = ("Is {a} greater than {b}?", "Is {a} larger than {b}?", "Is {a} more than {b}?")
_LESS = ("Is {a} less than {b}?", "Is {a} smaller than {b}?")
_EVEN = ("Is {n} even?", "Is {n} an even number?", "Is the number {n} even?")
_ODD = ("Is {n} odd?", "Is {n} an odd number?", "Is the number {n} odd?")
_EVEN_OR_ODD = ("Is {n} even or odd?", "Is {n} odd or even?")
_LARGEST = (
    "Which is the largest: {items}?",
    "Which number is the largest: {items}?",
    "What is the largest of {items}?",
    "What is the maximum of {items}?",
)
_SMALLEST = (
    "Which is the smallest: {items}?",
    "Which number is the smallest: {items}?",
    "What is the smallest of {items}?",
    "What is the minimum of {items}?",
)
_NAMES = (
    *("Ann", "Bob", "Carl", "Dora", "Emma", "Fred", "Greta", "Hugo", "Iris", "Jack"),
    *("Kate", "Leo", "Mia", "Nick", "Olga", "Paul", "Rosa", "Sam", "Tina", "Tom"),
)
_MEASURES = (
    ("taller", "tallest", "shortest"),
    ("older", "oldest", "youngest"),
    ("faster", "fastest", "slowest"),
    ("stronger", "strongest", "weakest"),
    ("richer", "richest", "poorest"),
)
_P_NEGATED = 0.4
_P_CLOSE = 0.4


def _boolean(rng: random.Random) -> Question:
    expression = _expression(rng, rng.choice((1, 2, 2, 3, 3)))
    if rng.random() < _P_NEGATED and " " in expression:
        expression = f"not ({expression})"
    return Question(
        skill="logic",
        kind="boolean",
        prompt=phrase(rng, _BOOLEAN, e=expression),
        answer="true" if _value(expression) else "false",
        key=f"boolean {expression}",
        scratch="=".join(_steps(_in_symbols(expression))),
    )


def _expression(rng: random.Random, operands: int) -> str:
    """Join `operands` possibly negated constants; from three on, brackets settle the order."""
    if operands == 1:
        negation = "not " if rng.random() < _P_NEGATED else ""
        return negation + rng.choice(("true", "false"))
    operator = rng.choice((" and ", " or "))
    sides = [_expression(rng, operands - 1), _expression(rng, 1)]
    if operands > 2:
        sides[0] = f"({sides[0]})"
    rng.shuffle(sides)
    return operator.join(sides)


def _value(expression: str) -> bool:
    """Evaluate an expression of this module's making, innermost brackets first."""
    if "(" in expression:
        inner_start = expression.rindex("(")
        inner_end = expression.index(")", inner_start)
        inner = _value(expression[inner_start + 1 : inner_end])
        outer = f"{expression[:inner_start]}{str(inner).lower()}{expression[inner_end + 1 :]}"
        return _value(outer)
    if " or " in expression:
        return any(_value(side) for side in expression.split(" or "))
    if " and " in expression:
        return all(_value(side) for side in expression.split(" and "))
    if expression.startswith("not "):
        return not _value(expression.removeprefix("not "))
    return expression == "true"


def _in_symbols(expression: str) -> str:
    """Write the expression in symbols, every negated constant replaced by its value."""
    for text, symbol in (("not true", "0"), ("not false", "1"), ("true", "1"), ("false", "0")):
        expression = expression.replace(text, symbol)
    for text, symbol in ((" and ", "&"), (" or ", "|"), ("not ", "-")):
        expression = expression.replace(text, symbol)
    return expression


def _steps(symbols: str) -> list[str]:
    """Reduce the innermost bracket, step by step, until none is left."""
    steps = [symbols]
    while "(" in symbols:
        before, _, inside = symbols.rpartition("(")
        inner, _, after = inside.partition(")")
        values = (inner[0], inner[-1])
        symbols = before + (max(values) if "|" in inner else min(values)) + after
        steps.append(symbols)
    return steps


def _compare(rng: random.Random) -> Question:
    a, b = _pair(rng)
    is_greater = rng.random() < 0.5
    return Question(
        skill="logic",
        kind="compare",
        prompt=phrase(rng, _GREATER if is_greater else _LESS, a=a, b=b),
        answer="yes" if (a > b if is_greater else a < b) else "no",
        key=f"compare {min(a, b)} {max(a, b)}",
        scratch=f"{a:03} {b:03} {_signs(a, b)}",
    )


def _signs(a: int, b: int) -> str:
    """Compare two numbers digit by digit, hundreds first: the first difference decides."""
    pairs = zip(f"{a:03}", f"{b:03}", strict=True)
    return "".join("<" if x < y else ">" if x > y else "=" for x, y in pairs)


def _pair(rng: random.Random) -> tuple[int, int]:
    """Draw two numbers below a thousand, often close to each other, rarely equal."""
    a = _number(rng)
    b = min(max(a + rng.randint(-12, 12), 0), 999) if rng.random() < _P_CLOSE else _number(rng)
    return a, b


def _number(rng: random.Random) -> int:
    return rng.randrange(10 ** rng.choice((1, 2, 3, 3, 3)))


def _parity(rng: random.Random) -> Question:
    n = rng.randrange(10 ** rng.choice((2, 3, 4, 4)))
    wordings, even, odd = rng.choice(
        ((_EVEN, "yes", "no"), (_ODD, "no", "yes"), (_EVEN_OR_ODD, "even", "odd"))
    )
    return Question(
        skill="logic",
        kind="parity",
        prompt=phrase(rng, wordings, n=n),
        answer=odd if n % 2 else even,
        key=f"parity {n}",
    )


def _extreme(rng: random.Random) -> Question:
    numbers = rng.sample(range(10 ** rng.choice((2, 3, 3))), k=3)
    pick, wordings = rng.choice(((max, _LARGEST), (min, _SMALLEST)))
    return Question(
        skill="logic",
        kind="extreme",
        prompt=phrase(rng, wordings, items=", ".join(map(str, numbers))),
        answer=str(pick(numbers)),
        key=f"extreme {sorted(numbers)}",
        scratch=_running(numbers, pick),
    )


def _running(numbers: list[int], pick: Callable[[Iterable[int]], int]) -> str:
    """Write the numbers, comparing each with the best of those before it."""
    best, scratch = numbers[0], f"{numbers[0]:03}"
    for number in numbers[1:]:
        signs = _signs(best, number)
        best = pick((best, number))
        scratch += f" {number:03}{signs}{best:03}"
    return scratch


def _order(rng: random.Random) -> Question:
    """Three people in a chain of two comparisons, told in either order."""
    first, middle, last = rng.sample(_NAMES, k=3)
    more, most, least = rng.choice(_MEASURES)
    facts = [f"{first} is {more} than {middle}.", f"{middle} is {more} than {last}."]
    rng.shuffle(facts)
    superlative, answer = rng.choice(((most, first), (least, last)))
    return Question(
        skill="logic",
        kind="order",
        prompt=phrase(rng, (f"{' '.join(facts)} Who is the {superlative}?",)),
        answer=answer,
        key=f"order {more} {first} {middle} {last}",
        scratch=f"{first}>{middle}>{last}",
    )


SKILL = Skill(
    name="logic",
    description="Evaluates and/or/not, compares numbers, tells even from odd, orders people.",
    kinds={
        "boolean": _boolean,
        "compare": _compare,
        "parity": _parity,
        "extreme": _extreme,
        "order": _order,
    },
)
