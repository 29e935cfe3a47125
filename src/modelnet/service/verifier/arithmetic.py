"""Whether an answer to a plain question of arithmetic is right. Pure; nothing is ever executed.

A wrong verdict teaches worse than none: where the answer is not plain, there is none.
"""

import ast
import re
from collections.abc import Callable
from fractions import Fraction

from modelnet.service.verifier.number import is_same, normalised, number_of, numbers_in

_MAX_CHARACTERS = 200
_MAX_POWER = 64
_MAX_BITS = 4096
"""Of numerators and denominators on the way."""

_LEAD = re.compile(
    r"(?:please )?(?:what(?: is|'s)|how much is|compute|calculate|evaluate|work out)"
    r"(?: the (?:value|result) of)?:? ",
)
_SAID = (
    (re.compile(r"add (.+) and (.+)"), r"(\1) + (\2)"),
    (re.compile(r"subtract (.+) from (.+)"), r"(\2) - (\1)"),
    (re.compile(r"take (.+) away from (.+)"), r"(\2) - (\1)"),
    (re.compile(r"multiply (.+) (?:by|and|with) (.+)"), r"(\1) * (\2)"),
    (re.compile(r"divide (.+) by (.+)"), r"(\1) / (\2)"),
    (re.compile(r"(?:the )?sum of (.+) and (.+)"), r"(\1) + (\2)"),
    (re.compile(r"(?:the )?difference between (.+) and (.+)"), r"(\1) - (\2)"),
    (re.compile(r"(?:the )?product of (.+) and (.+)"), r"(\1) * (\2)"),
)
_WORDS = (
    (re.compile(r"\bplus\b"), "+"),
    (re.compile(r"\bminus\b"), "-"),
    (re.compile(r"\b(?:multiplied by|times)\b"), "*"),
    (re.compile(r"\bdivided by\b"), "/"),
    (re.compile(r"(?<=[\d )])[x\u00d7\u00b7](?=[\d (])"), "*"),
    (re.compile(r"\u00f7"), "/"),
    (re.compile(r"\^"), "**"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
)
_FORMULA = re.compile(r"[\d+\-*/(). ]+", re.ASCII)
_DATE = re.compile(r"\d+([-/.])\d+\1\d+")
"""Or a version, or a number of a telephone: `2026-11-24` is no difference."""

_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: Fraction.__add__,
    ast.Sub: Fraction.__sub__,
    ast.Mult: Fraction.__mul__,
    ast.Div: Fraction.__truediv__,
}
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


def result_of(question: str) -> Fraction | None:
    """Return what a plain question of arithmetic comes to, or nothing where it is not one."""
    formula = _formula(question)
    if formula is None:
        return None
    try:
        return _evaluated(ast.parse(formula, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def judge(question: str, answer: str) -> float | None:
    r"""Return 1 for a right answer, 0 for a wrong one, nothing where that cannot be told.

    The answer's number is what is in `\boxed{}`, or else its last one. An answer that names the
    right number elsewhere, or none at all, is left alone.
    """
    wanted = result_of(question)
    if wanted is None:
        return None
    boxed = _BOXED.findall(answer)
    alone = number_of((boxed[-1] if boxed else answer).strip().rstrip(".").strip("$*` \n"))
    if alone is not None:
        return float(is_same(alone, wanted))
    numbers = numbers_in(answer)
    if not numbers:
        return None
    if is_same(numbers[-1], wanted):
        return 1.0
    return None if any(is_same(number, wanted) for number in numbers) else 0.0


def _formula(question: str) -> str | None:
    """Return the formula that is asked for; a formula that nobody asks for is no question."""
    if len(question) > _MAX_CHARACTERS:
        return None
    asked = " ".join(normalised(question).casefold().split())
    plain = re.sub(r" ?(?:= ?\??|\?|\.)$", "", asked)
    bare = _LEAD.sub("", plain, count=1) if _LEAD.match(plain) else plain
    formula = _spoken(bare)
    is_asked = bare != plain or formula != bare or asked.rstrip("? ").endswith("=")
    if not is_asked or _DATE.search(formula):
        return None
    for pattern, sign in _WORDS:
        formula = pattern.sub(sign, formula)
    return formula.strip() if _FORMULA.fullmatch(formula) else None


def _spoken(text: str) -> str:
    for pattern, formula in _SAID:
        if pattern.fullmatch(text):
            return pattern.sub(formula, text)
    return text


def _evaluated(node: ast.expr) -> Fraction:
    """Return the value of a formula.

    Raises:
        ValueError: it has something else than numbers and operators in it, or grows too large.
        ZeroDivisionError: it divides by zero.
    """
    match node:
        case ast.Constant(value=int() | float()):
            return Fraction(ast.unparse(node))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(_power(_evaluated(left), _evaluated(right)))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _bounded(_OPERATORS[type(sign)](_evaluated(left), _evaluated(right)))
        case _:
            raise ValueError(ast.dump(node))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _MAX_POWER:
        raise ValueError(exponent)
    return base ** int(exponent)


def _bounded(number: Fraction) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MAX_BITS:
        raise ValueError("too large")
    return number
