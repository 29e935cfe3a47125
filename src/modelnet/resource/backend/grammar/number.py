"""Grammars of numbers between bounds."""

from math import ceil, floor, inf, isfinite
from typing import Any

import msgspec

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.gbnf import (
    Chars,
    Expression,
    Repeat,
    Text,
    choice,
    optional,
    repeat,
    row,
)

MAX_DIGITS = 15
"""Before the point and behind it: what double precision keeps, and an end to a babble of digits."""

_END = 10**MAX_DIGITS
_LARGEST = _END - 1
_DIGITS = "0123456789"
DIGIT = Chars("[0-9]", _DIGITS)
_ZERO, _MINUS, _POINT = Text("0"), Text("-"), Text(".")
_NOT_ZERO = Chars("[1-9]", _DIGITS[1:])
_FRACTION = row(_POINT, Repeat(DIGIT, 1, MAX_DIGITS))
_NO_FRACTION = row(_POINT, Repeat(_ZERO, 1, MAX_DIGITS))
_SOME_FRACTION = row(
    _POINT, Repeat(_ZERO, 0, MAX_DIGITS - 1), _NOT_ZERO, Repeat(DIGIT, 0, MAX_DIGITS - 1)
)
_EXPONENT = row(Chars("[eE]", "eE"), optional(Chars("[-+]", "-+")), _NOT_ZERO, optional(DIGIT))
_WHOLE = choice((_ZERO, row(_NOT_ZERO, Repeat(DIGIT, 0, MAX_DIGITS - 1))))
_INTEGER = row(optional(_MINUS), _WHOLE)
_NUMBER = row(optional(_MINUS), _WHOLE, optional(_FRACTION), optional(_EXPONENT))


class _Bounds(msgspec.Struct, frozen=True):
    """What a number lies between; a bound that is excluded is not reached."""

    low: float | int
    high: float | int
    excludes_low: bool
    excludes_high: bool


def integer(schema: dict[str, Any]) -> Expression:
    """Return the grammar of an integer between the bounds of its schema.

    Raises:
        InvalidRequestError: there is none, or none of fifteen digits.
    """
    bounds = _bounds(schema)
    if bounds == _UNBOUND:
        return _INTEGER
    low, high = _nearest(bounds.low, ceil, -_LARGEST), _nearest(bounds.high, floor, _LARGEST)
    low += bounds.excludes_low and low == bounds.low
    high -= bounds.excludes_high and high == bounds.high
    parts: list[Expression] = []
    if high >= max(low, 0):
        parts.append(_between(max(low, 0), high))
    if low <= min(high, -1):
        parts.append(row(_MINUS, _between(max(1, -high), -low)))
    return _any_of(parts)


def number(schema: dict[str, Any]) -> Expression:
    """Return the grammar of a number between the bounds of its schema, which must be whole.

    Raises:
        InvalidRequestError: there is none, or a bound is a fraction.
    """
    bounds = _bounds(schema)
    if bounds == _UNBOUND:
        return _NUMBER
    for bound in (bounds.low, bounds.high):
        if isfinite(bound) and bound != floor(bound):
            raise InvalidRequestError(
                f"No model can be held to the bound {bound} of a number; give it a whole one."
            )
    low, high = _nearest(bounds.low, ceil, -_LARGEST), _nearest(bounds.high, floor, _LARGEST)
    parts: list[Expression] = []
    # Beyond the largest we write lies an end that is never reached.
    high, excludes_high = (_END, True) if bounds.high > _LARGEST else (high, bounds.excludes_high)
    low, excludes_low = (-_END, True) if bounds.low < -_LARGEST else (low, bounds.excludes_low)
    if high >= 0:
        parts += _size(max(low, 0), high, excludes_low and low >= 0, excludes_high)
    if low < 0:
        sizes = _size(max(0, -high), -low, excludes_high and high <= 0, excludes_low)
        parts += [row(_MINUS, size) for size in sizes]
    return _any_of(parts)


def _size(low: int, high: int, excludes_low: bool, excludes_high: bool) -> list[Expression]:
    """Return the ways to write a number that is not negative, between whole bounds."""
    parts: list[Expression] = []
    if low < high:
        fraction = _SOME_FRACTION if excludes_low else optional(_FRACTION)
        parts.append(row(Text(str(low)), fraction))
    if low + 1 <= high - 1:
        parts.append(row(_between(low + 1, high - 1), optional(_FRACTION)))
    if not excludes_high and (low < high or (low == high and not excludes_low)):
        parts.append(row(Text(str(high)), optional(_NO_FRACTION)))
    return parts


def _between(low: int, high: int) -> Expression:
    """Return the whole numbers from `low` to `high`, neither negative."""
    parts: list[Expression] = [] if low else [_ZERO]
    full: list[int] = []
    for size in range(len(str(low)), len(str(high)) + 1):
        smallest, largest = 10 ** (size - 1), 10**size - 1
        least, most = max(low, smallest), min(high, largest)
        if (least, most) == (smallest, largest):
            full.append(size)
        elif least <= most:
            parts.append(_of_one_size(str(least), str(most)))
    if full:
        parts.append(row(_NOT_ZERO, repeat(DIGIT, full[0] - 1, full[-1] - 1)))
    return choice(parts)


def _of_one_size(low: str, high: str) -> Expression:
    """Return the numbers between two that have as many digits."""
    if low == high:
        return Text(low)
    if low[0] == high[0]:
        return row(Text(low[0]), _of_one_size(low[1:], high[1:]))
    rest = len(low) - 1
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return row(_digit(low[0], high[0]), repeat(DIGIT, rest, rest))
    parts = [row(Text(low[0]), _of_one_size(low[1:], "9" * rest))]
    if int(high[0]) - int(low[0]) > 1:
        between = _digit(str(int(low[0]) + 1), str(int(high[0]) - 1))
        parts.append(row(between, repeat(DIGIT, rest, rest)))
    parts.append(row(Text(high[0]), _of_one_size("0" * rest, high[1:])))
    return choice(parts)


def _digit(low: str, high: str) -> Chars:
    return Chars(f"[{low}-{high}]", _DIGITS[int(low) : int(high) + 1])


def _bounds(schema: dict[str, Any]) -> _Bounds:
    low, over = _bound(schema, "minimum", -inf), _bound(schema, "exclusiveMinimum", -inf)
    high, under = _bound(schema, "maximum", inf), _bound(schema, "exclusiveMaximum", inf)
    return _Bounds(
        max(low, over),
        min(high, under),
        excludes_low=over >= low and over != -inf,
        excludes_high=under <= high and under != inf,
    )


_UNBOUND = _Bounds(-inf, inf, excludes_low=False, excludes_high=False)


def _bound(schema: dict[str, Any], keyword: str, default: float) -> float | int:
    match schema.get(keyword, default):
        case bool():
            pass
        case int() | float() as bound if keyword not in schema or isfinite(bound):
            return bound
        case _:
            pass
    raise InvalidRequestError(f"The schema's {keyword} is no number; mend it.")


def _nearest(bound: float, to_whole: Any, largest: int) -> int:
    """Return the whole number at a bound, or the largest we write."""
    if not isfinite(bound) or abs(bound) > _LARGEST:
        beyond = bound if isfinite(bound) else largest
        return int(beyond) if beyond * largest < 0 else largest
    return to_whole(bound)


def _any_of(parts: list[Expression]) -> Expression:
    if not parts:
        raise InvalidRequestError("No number lies between the bounds in the schema; widen them.")
    return choice(parts)
