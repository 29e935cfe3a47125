"""Numbers as people and models write them: `1,000`, `-0.5`, `1/3`, `2.5e3`. Pure."""

import re
import unicodedata
from fractions import Fraction

MAX_DIGITS = 400
"""Longer numbers are not read: what reads them must stay quick."""

_INTEGER = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_PLAIN = rf"{_INTEGER}(?:\.\d+)?|\.\d+"
_MINUS = "\u2212"
# Not in the middle of a word, of another number, a date or a version.
_NUMBER = re.compile(
    rf"(?<![\w.,/])-?(?:{_PLAIN})(?:e[+-]?\d{{1,3}})?(?:/(?:{_PLAIN}))?(?![\w/]|[.,]\d)",
    re.IGNORECASE | re.ASCII,
)
_GROUPED = re.compile(r"(?<=\d)[\u00a0\u202f](?=\d{3})")


def normalised(text: str) -> str:
    """Return a text in compatible characters, with one kind of minus and of blank."""
    text = _GROUPED.sub(",", text)
    return unicodedata.normalize("NFKC", text).replace(_MINUS, "-")


def number_of(text: str) -> Fraction | None:
    """Return the number that a text is, or nothing where it is not one alone."""
    text = normalised(text).strip()
    return _value(text) if _NUMBER.fullmatch(text) else None


def numbers_in(text: str) -> list[Fraction]:
    """Return the numbers in a text, in their order."""
    found = (_value(match.group()) for match in _NUMBER.finditer(normalised(text)))
    return [number for number in found if number is not None]


def is_same(given: Fraction, wanted: Fraction) -> bool:
    """Tell whether a number is the one wanted, or that rounded to two decimals or more."""
    if given == wanted:
        return True
    decimals = _decimals(given)
    return decimals is not None and decimals >= 2 and given == round(wanted, decimals)


def _decimals(number: Fraction) -> int | None:
    """Return how many decimals a number has; nothing where they never end."""
    for decimals in range(16):
        if 10**decimals % number.denominator == 0:
            return decimals
    return None


def _value(text: str) -> Fraction | None:
    if len(text) > MAX_DIGITS:
        return None
    top, _, bottom = text.replace(",", "").partition("/")
    try:
        return Fraction(top) / Fraction(bottom or 1)
    except ZeroDivisionError:
        return None
