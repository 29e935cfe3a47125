"""Plain values as JSON, so that nothing but plain values comes over the line.

Whatever a value of its own class says of itself stays behind: what arrives is built anew, of the
standard library's own types. An object that is no plain value is held, and stands for itself.
"""

import builtins
from collections import Counter, deque, namedtuple
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias, cast

_KIND = ""
_SAFE = 1 << 53
"""Whole numbers below it are written as they are."""

Hold: TypeAlias = Callable[[Any], list[Any]]
"""Takes an object that stays here; returns what stands for it: its kind and words on it."""
Find: TypeAlias = Callable[[str, list[Any]], Any]
"""Takes what stands for an object; returns what to use in its place."""
_Parts: TypeAlias = Callable[[Any], tuple[Any, ...]]
_Build: TypeAlias = Callable[..., Any]

MUTABLE = (list, dict, set, bytearray, deque)


def _named(fields: str, *values: Any) -> Any:
    made: Any = namedtuple("Named", fields.split())  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
    return made(*values)


def _integer(text: str) -> int:
    return int(text, 16)


def _deque(most: int | None, *items: Any) -> deque[Any]:
    return deque(items, most)


def _counter(*pairs: Any) -> Any:
    return Counter(dict(pairs))


def _together(kind: Callable[..., Any]) -> _Build:
    return lambda *items: kind(items)


def _written(value: Any) -> tuple[Any, ...]:
    return (value.isoformat(),)


_TAKEN: tuple[tuple[type, str, _Parts], ...] = (
    (tuple, "tuple", tuple),
    (set, "set", tuple),
    (frozenset, "frozenset", tuple),
    (Counter, "Counter", lambda value: tuple(value.items())),
    (dict, "dict", lambda value: tuple(value.items())),
    (deque, "deque", lambda value: (value.maxlen, *value)),
    (bytes, "bytes", lambda value: (value.hex(),)),
    (bytearray, "bytearray", lambda value: (value.hex(),)),
    (complex, "complex", lambda value: (value.real, value.imag)),
    (range, "range", lambda value: (value.start, value.stop, value.step)),
    (Fraction, "Fraction", lambda value: (value.numerator, value.denominator)),
    (Decimal, "Decimal", lambda value: (str(value),)),
    (datetime, "datetime", _written),
    (date, "date", _written),
    (time, "time", _written),
    (timedelta, "timedelta", lambda value: (value.days, value.seconds, value.microseconds)),
)
"""How values are taken apart; those of a derived class count as the first that fits."""

_BUILT: Mapping[str, _Build] = {
    "int": _integer,
    "named": _named,
    "tuple": _together(tuple),
    "set": _together(set),
    "frozenset": _together(frozenset),
    "dict": _together(dict),
    "Counter": _counter,
    "deque": _deque,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": complex,
    "range": range,
    "Fraction": Fraction,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": timedelta,
}
"""And how they are built from their parts."""


def encode(value: Any, hold: Hold) -> Any:
    """Return a value as JSON can have it.

    Raises:
        BaseException: what `hold` raises for what it will not hold.
        RecursionError: it is nested too deeply, or contains itself.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -_SAFE < value < _SAFE else _as("int", hex(value))
    if isinstance(value, float | str):
        return float(value) if isinstance(value, float) else "".join(value)
    if isinstance(value, list):
        return [encode(one, hold) for one in cast("list[Any]", value)]
    kind, parts = _parts(value)
    if kind is None:
        return _as(*hold(value))
    return _as(kind, *[encode(part, hold) for part in parts])


def decode(told: Any, find: Find) -> Any:
    """Return the value that was told; objects that are held are looked up with `find`.

    Raises:
        ValueError, TypeError, ArithmeticError, LookupError: it makes no sense.
        RecursionError: it is nested too deeply.
    """
    if isinstance(told, list):
        return [decode(one, find) for one in cast("list[Any]", told)]
    if not isinstance(told, dict):
        return told
    shown = cast("dict[str, Any]", told)
    kind, parts = shown[_KIND], shown["v"]
    build = _BUILT.get(kind)
    if build is None:
        return find(kind, parts)
    return build(*[decode(part, find) for part in parts])


def is_builtin(value: Any) -> bool:
    """Tell whether it is a class that every program knows by its name, like `int`."""
    return isinstance(value, type) and getattr(builtins, value.__name__, None) is value


def replace(old: Any, new: Any) -> None:
    """Have a list, dictionary, set, array of bytes or deque hold what another of its kind holds."""
    if type(old) is not type(new):
        return
    kept = new.copy()
    old.clear()
    getattr(old, "update" if isinstance(old, dict | set) else "extend")(kept)


def _parts(value: Any) -> tuple[str | None, tuple[Any, ...]]:
    """Return the kind of a value and what it is built from; no kind where it is not a plain one."""
    if isinstance(value, tuple) and hasattr(cast("Any", value), "_fields"):
        named = cast("Any", value)
        return "named", (" ".join(named._fields), *named)
    for kind, name, parts in _TAKEN:
        if isinstance(value, kind):
            return name, parts(value)
    return None, ()


def _as(kind: str, *parts: Any) -> dict[str, Any]:
    return {_KIND: kind, "v": list(parts)}
