"""Grammars as values, and as text: https://github.com/ggml-org/llama.cpp/blob/master/grammars."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from os.path import commonprefix
from typing import TypeAlias, Union

import msgspec

MAX_FACTORED = 32
"""Beginnings that texts share are told once, down to this depth."""


class Text(msgspec.Struct, frozen=True, tag=True):
    """Exactly this text."""

    text: str


class Chars(msgspec.Struct, frozen=True, tag=True):
    """One character of a class, like `[0-9]`."""

    pattern: str
    members: str | None = None
    """All it may be; `None` where that is not told."""


class Rule(msgspec.Struct, frozen=True, tag=True):
    """What another rule says."""

    name: str


class Row(msgspec.Struct, frozen=True, tag=True):
    """One part after another."""

    parts: "tuple[Expression, ...]"


class Choice(msgspec.Struct, frozen=True, tag=True):
    """One of several."""

    options: "tuple[Expression, ...]"
    is_apart: bool = True
    """Whether the options are known to part soon; else llama.cpp may have to follow them all."""


class Repeat(msgspec.Struct, frozen=True, tag=True):
    """The same again and again."""

    part: "Expression"
    least: int = 0
    most: int | None = None


Expression: TypeAlias = Union[Text, Chars, Rule, Row, Choice, Repeat]  # noqa: UP007 - recursive
Rules: TypeAlias = dict[str, Expression]

ROOT = "root"


def row(*parts: Expression) -> Expression:
    """Return one part after another; neighbouring texts become one."""
    flat = [one for part in parts for one in (part.parts if isinstance(part, Row) else (part,))]
    joined: list[Expression] = []
    for part in flat:
        before = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(before, Text):
            joined[-1] = Text(before.text + part.text)
        else:
            joined.append(part)
    return joined[0] if len(joined) == 1 else Row(tuple(joined))


def choice(options: Iterable[Expression], *, is_apart: bool = True) -> Expression:
    """Return one of several, each told once."""
    told = tuple(dict.fromkeys(options))
    return told[0] if len(told) == 1 else Choice(told, is_apart)


def optional(part: Expression) -> Expression:
    """Return a part that may be left out."""
    return Repeat(part, 0, 1)


def repeat(part: Expression, least: int = 0, most: int | None = None) -> Expression:
    """Return the same part from `least` to `most` times."""
    return Row(()) if most == 0 else Repeat(part, least, most)


def one_of(texts: Sequence[str], depth: int = 0) -> Expression:
    """Return one of several texts, such that few must be followed at once."""
    texts = sorted(set(texts))
    common = commonprefix(texts)  # noqa: RUF071 - of texts, not of paths
    rests = [text[len(common) :] for text in texts]
    if len(rests) == 1 or depth > MAX_FACTORED:
        return choice(map(Text, texts))
    groups = [[*group] for _, group in groupby(filter(None, rests), key=lambda rest: rest[0])]
    inside = choice(one_of(group, depth + 1) for group in groups)
    ending = inside if "" not in rests else optional(inside)
    return row(Text(common), ending) if common else ending


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return what an expression is made of."""
    match expression:
        case Row(parts):
            return parts
        case Choice(options):
            return options
        case Repeat(part):
            return (part,)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Return an expression and everything within it."""
    todo = [expression]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(children(one))


def grammar_text(rules: Rules) -> str:
    """Return the text of a grammar, whose first rule is `root`."""
    return "".join(f"{name} ::= {_text(part)}\n" for name, part in rules.items())


def _text(expression: Expression) -> str:
    match expression:
        case Text(text):
            return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'
        case Chars(pattern):
            return pattern
        case Rule(name):
            return name
        case Row(parts):
            return f"({' '.join(map(_text, parts))})"
        case Choice(options):
            return f"({' | '.join(map(_text, options))})"
        case Repeat(part, least, most):
            return f"{_text(part)}{{{least},{'' if most is None else most}}}"


_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
