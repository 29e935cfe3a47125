"""Grammars of objects and arrays: their parts in order, and few blanks between."""

from modelnet.resource.backend.grammar.gbnf import (
    Chars,
    Expression,
    Repeat,
    Rule,
    Rules,
    Text,
    choice,
    optional,
    repeat,
    row,
)

_MAX_INDENT = 20

BLANK = Rule("blank")
"""A space, or a new line and its indent: never more, or a model may babble blanks for ever."""

BLANK_RULE = optional(
    choice((Text(" "), row(Text("\n"), Repeat(Chars(r"[ \t]", " \t"), 0, _MAX_INDENT))))
)
_COMMA = row(Text(","), BLANK)


def listed(part: Expression) -> Expression:
    """Return one or more of the same, with commas between."""
    return row(part, Repeat(row(_COMMA, part)))


def braced(inside: Expression, *, is_filled: bool) -> Expression:
    """Return an object with these pairs, or with none where it need not be filled."""
    return _enclosed("{", inside, "}", is_filled=is_filled)


def bracketed(inside: Expression, *, is_filled: bool) -> Expression:
    """Return an array with these items, or with none where it need not be filled."""
    return _enclosed("[", inside, "]", is_filled=is_filled)


def _enclosed(opening: str, inside: Expression, closing: str, *, is_filled: bool) -> Expression:
    inner = row(inside, BLANK)
    return row(Text(opening), BLANK, inner if is_filled else optional(inner), Text(closing))


def pairs_in_order(
    pairs: dict[str, Rule], required: set[str], extra: Rule | None, rules: Rules
) -> Expression:
    """Return the pairs of an object, at least one: in order, the extra ones last.

    What follows a pair is a rule, so that the grammar grows with the pairs and no faster.
    """
    rest: Expression = row() if extra is None else Repeat(row(_COMMA, extra))
    begun: list[Expression] = [] if extra is None else [row(extra, rest)]
    for key, pair in reversed(pairs.items()):
        starts = row(pair, rest)
        if key in required:
            begun, follows = [starts], row(_COMMA, pair, rest)
        else:
            begun, follows = [starts, *begun], row(optional(row(_COMMA, pair)), rest)
        rest = Rule(f"rest-{len(rules)}")
        rules[rest.name] = follows
    return choice(begun) if begun else row()


def items_in_order(
    first: list[Rule], more: Rule | None, least: int, most: int | None
) -> Expression:
    """Return the items of an array, at least one: the first ones, then more of one kind."""
    first = first or ([] if more is None else [more])
    tail: Expression = row()
    if more is not None:
        size = len(first)
        tail = repeat(
            row(_COMMA, more), max(0, least - size), None if most is None else most - size
        )
    for index in reversed(range(1, len(first))):
        tail = row(_COMMA, first[index], tail)
        tail = tail if index < least else optional(tail)
    return row(*first[:1], tail)
