"""Grammars of strings: of any content, of bounded length, of a few formats, and keys but some."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.gbnf import (
    Chars,
    Expression,
    Repeat,
    Row,
    Rule,
    Rules,
    Text,
    choice,
    one_of,
    optional,
    repeat,
    row,
)
from modelnet.resource.backend.grammar.number import DIGIT

MAX_LENGTH = 1 << 20
"""More characters than any context holds."""

_MAX_COUNTED = 64
"""Lengths beyond it are made of rules that double: a long chain would cost llama.cpp memory."""

_MAX_KEY = 32
"""Keys that begin like a known one this far count as known."""

_QUOTE = Text('"')
_PLAIN = r'[^"\\\x00-\x1F\x7F]'
_PLAIN_CHARACTER = Chars(_PLAIN)
_HEX = Chars("[0-9a-fA-F]")
# Escapes of surrogates are left out, so that each escape is one character.
_CODE = choice((row(Chars("[0-9a-cA-CefEF]"), _HEX), row(Chars("[dD]"), Chars("[0-7]"))))
_ESCAPED = choice((Chars(r'["\\/bfnrt]'), row(Text("u"), _CODE, _HEX, _HEX)))
CHARACTER = Rule("character")
CHARACTER_RULE = choice((_PLAIN_CHARACTER, row(Text("\\"), _ESCAPED)))

ANY_STRING = row(_QUOTE, Repeat(CHARACTER), _QUOTE)


def string(schema: dict[str, Any], rules: Rules) -> Expression:
    """Return the grammar of a string; long counts become rules.

    Raises:
        InvalidRequestError: a length is none, or the format is one no model can be held to.
    """
    if "format" in schema:
        return _formatted(schema)
    least, most = length(schema, "minLength"), length(schema, "maxLength")
    if not least and most is None:
        return ANY_STRING
    if most is not None and most < (least or 0):
        raise InvalidRequestError("The schema's maxLength is below its minLength; mend it.")
    begun = exactly(least or 0, rules)
    rest = Repeat(CHARACTER) if most is None else _at_most(most - (least or 0), rules)
    return row(_QUOTE, begun, rest, _QUOTE)


def length(schema: dict[str, Any], keyword: str, largest: int = MAX_LENGTH) -> int | None:
    """Return a length in a schema, if it gives one.

    Raises:
        InvalidRequestError: it is no length, or larger than any answer.
    """
    match schema.get(keyword):
        case None if keyword not in schema:
            return None
        case bool():
            pass
        case int() | float() as size if 0 <= size <= largest and size == int(size):
            return int(size)
        case _:
            pass
    raise InvalidRequestError(
        f"The schema's {keyword} is no whole number from 0 to {largest}; mend it."
    )


def exactly(size: int, rules: Rules) -> Expression:
    """Return so many characters."""
    if size <= _MAX_COUNTED:
        return repeat(CHARACTER, size, size)
    half = Rule(f"characters-{size // 2}")
    rules.setdefault(half.name, exactly(size // 2, rules))
    return row(half, half, *([CHARACTER] if size % 2 else []))


def _at_most(size: int, rules: Rules) -> Expression:
    """Return up to so many characters: a power of two of them and the rest, or fewer than that."""
    if size <= _MAX_COUNTED:
        return repeat(CHARACTER, 0, size)
    power = 1 << (size.bit_length() - 1)
    more = row(exactly(power, rules), _up_to(size - power, rules))
    return choice((more, _up_to(power - 1, rules)))


def _up_to(size: int, rules: Rules) -> Expression:
    if not size:
        return row()
    rule = Rule(f"up-to-{size}")
    if rule.name not in rules:
        rules[rule.name] = _at_most(size, rules)
    return rule


def other_key(known: Iterable[str]) -> Expression:
    """Return the grammar of a key that is none of the known ones, written without escapes."""
    plain = {key[:_MAX_KEY] for key in known if _is_plain(key[:_MAX_KEY])}
    return row(_QUOTE, _none_of(plain), _QUOTE)


def _none_of(texts: set[str], depth: int = 0) -> Expression:
    if not texts:
        return Repeat(_PLAIN_CHARACTER)
    groups = {
        first: {text[1:] for text in group}
        for first, group in groupby(sorted(texts - {""}), key=lambda text: text[0])
    }
    others = Chars(f"{_PLAIN[:-1]}{''.join(map(_in_class, groups))}]")
    options: list[Expression] = [row(others, Repeat(_PLAIN_CHARACTER))]
    options += [
        row(Text(first), _none_of(rests, depth + 1))
        for first, rests in groups.items()
        if depth + 1 < _MAX_KEY  # Else it would go on like a known key that was cut.
    ]
    inside = choice(options)
    return inside if "" in texts else optional(inside)


def _is_plain(key: str) -> bool:
    return not any(character in '"\\\x7f' or character < " " for character in key)


def _in_class(character: str) -> str:
    return f"\\U{ord(character):08X}"


def _formatted(schema: dict[str, Any]) -> Expression:
    form = schema["format"]
    if not isinstance(form, str) or form not in _FORMATS:
        raise InvalidRequestError(
            f"No model can be held to the format {form!r}; use one of {', '.join(_FORMATS)}."
        )
    if schema.keys() & {"minLength", "maxLength"}:
        raise InvalidRequestError("The schema has a format and a length; give one of them.")
    return row(_QUOTE, _FORMATS[form], _QUOTE)


def _digits(count: int) -> Expression:
    return Repeat(DIGIT, count, count)


def _numbers(low: int, high: int) -> Expression:
    return one_of([f"{number:02}" for number in range(low, high + 1)])


def _month(months: tuple[int, ...], days: int) -> Expression:
    return row(one_of([f"{month:02}-" for month in months]), _numbers(1, days))


_DATE = row(
    Chars("[1-9]", "123456789"),
    _digits(3),
    Text("-"),
    # 29 February is left out: only in some years is there one.
    choice((_month((1, 3, 5, 7, 8, 10, 12), 31), _month((4, 6, 9, 11), 30), _month((2,), 28))),
)
_OFFSET = row(Chars("[-+]", "-+"), _numbers(0, 23), Text(":"), _numbers(0, 59))
_TIME = row(
    _numbers(0, 23),
    Text(":"),
    _numbers(0, 59),
    Text(":"),
    _numbers(0, 59),
    optional(row(Text("."), Repeat(DIGIT, 1, 6))),
    choice((Text("Z"), _OFFSET)),
)
_HEX_DIGIT = Chars("[0-9a-f]", "0123456789abcdef")
_UUID = Row(
    tuple(
        part
        for index, size in enumerate((8, 4, 4, 4, 12))
        for part in ((Text("-"),) if index else ()) + (Repeat(_HEX_DIGIT, size, size),)
    )
)
_FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": row(_DATE, Text("T"), _TIME),
    "uuid": _UUID,
}
