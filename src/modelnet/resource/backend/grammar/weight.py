"""What a grammar costs to follow: an endless or ambiguous one is refused before a model sees it.

llama.cpp follows every way in which the answer so far can be read. Where a recursion may be read in
two ways at each of its levels, nine levels take it many seconds: such a schema would stop a node.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import TypeAlias

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.gbnf import (
    Chars,
    Choice,
    Expression,
    Repeat,
    Row,
    Rule,
    Rules,
    Text,
    children,
    walk,
)

MAX_READINGS = 128
"""Ways of reading an answer that may have to be followed at once."""


def refuse_heavy(rules: Rules) -> None:
    """Let grammars pass that a model can follow, and come to an end with.

    Raises:
        InvalidRequestError: the schema behind it refers to itself without end, or is ambiguous.
    """
    if _endless(rules):
        raise InvalidRequestError(
            "The schema needs itself within itself without end; let one of the uses be optional."
        )
    try:
        TopologicalSorter({name: set(_leads(part)) for name, part in rules.items()}).prepare()
    except CycleError as error:
        raise InvalidRequestError(
            "The schema is an alternative of itself; take that alternative away."
        ) from error
    if _readings(rules) > MAX_READINGS:
        raise InvalidRequestError(
            "The alternatives of anyOf in the schema are too much alike; let each begin with a "
            "required property of another constant."
        )


def _endless(rules: Rules) -> set[str]:
    """Return the rules that no answer ever comes out of."""
    left, size = set(rules), -1
    while len(left) != size:
        size = len(left)
        for name in _to_and_fro(rules):
            if name in left and _ends(rules[name], left):
                left.discard(name)
    return left


def _to_and_fro(rules: Rules) -> list[str]:
    """Return the names forwards and backwards, so that few rounds do, however rules are built."""
    return [*rules, *reversed(rules)]


def _ends(expression: Expression, endless: set[str]) -> bool:
    match expression:
        case Rule(name):
            return name not in endless
        case Choice(options):
            return any(_ends(option, endless) for option in options)
        case Repeat(least=0):
            return True
        case _:
            return all(_ends(part, endless) for part in children(expression))


def _leads(expression: Expression) -> Iterator[str]:
    """Return the rules that an expression may begin with."""
    match expression:
        case Rule(name):
            yield name
        case Row(parts):
            for part in parts:
                yield from _leads(part)
                if not isinstance(part, Repeat):
                    return
        case _:
            for part in children(expression):
                yield from _leads(part)


def _readings(rules: Rules) -> int:
    """Return in how many ways an answer may be read at worst; beyond the limit, any number."""
    alike = {
        id(part): _alike(part, rules)
        for whole in rules.values()
        for part in walk(whole)
        if isinstance(part, Choice) and not part.is_apart
    }
    if _multiplies(rules, alike):
        return MAX_READINGS + 1
    told, last = dict.fromkeys(rules, 1), dict[str, int]()
    while told != last:
        last = dict(told)
        for name in _to_and_fro(rules):
            told[name] = min(_width(rules[name], told, alike), MAX_READINGS + 1)
    return max(told.values())


_Alike: TypeAlias = dict[int, list[list[int]]]
"""Of each choice, by its identity: for each option, the indices of those it may be mistaken for."""


def _alike(choice: Choice, rules: Rules) -> list[list[int]]:
    groups = [[index] for index in range(len(choice.options))]
    for (i, a), (j, b) in combinations(enumerate(choice.options), 2):
        if not are_apart(a, b, rules):
            groups[i].append(j)
            groups[j].append(i)
    return groups


def _multiplies(rules: Rules, alike: _Alike) -> bool:
    """Whether a rule comes back to itself through alternatives that are alike."""
    circles = _circles({name: _named(part) for name, part in rules.items()})
    return any(
        len(group) > 1 and any(circles[used] == circles[name] for used in _named(option))
        for name, whole in rules.items()
        for part in walk(whole)
        if isinstance(part, Choice) and not part.is_apart
        for option, group in zip(part.options, alike[id(part)], strict=True)
    )


def _named(expression: Expression) -> set[str]:
    return {part.name for part in walk(expression) if isinstance(part, Rule)}


def _circles(graph: dict[str, set[str]]) -> dict[str, str]:
    """Return for each node one name that it shares with those it reaches and is reached from.

    Kosaraju's algorithm: https://en.wikipedia.org/wiki/Kosaraju%27s_algorithm
    """
    backwards: dict[str, set[str]] = {name: set() for name in graph}
    for name, used in graph.items():
        for other in used:
            backwards[other].add(name)
    found: dict[str, str] = {}
    for name in reversed(_finished(graph)):
        todo = [name]
        while todo:
            if (one := todo.pop()) not in found:
                found[one] = name
                todo.extend(backwards[one])
    return found


def _finished(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes in the order in which a search in depth leaves them."""
    seen, order = set[str](), list[str]()
    for start in graph:
        todo = [(start, False)]
        while todo:
            name, is_done = todo.pop()
            if is_done:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                todo.append((name, True))
                todo.extend((other, False) for other in graph[name])
    return order


def _width(expression: Expression, told: dict[str, int], alike: _Alike) -> int:
    match expression:
        case Rule(name):
            return told[name]
        case Choice(options, is_apart=False):
            widths = [_width(option, told, alike) for option in options]
            return max(sum(widths[j] for j in group) for group in alike[id(expression)])
        case _:
            return max((_width(part, told, alike) for part in children(expression)), default=1)


def are_apart(one: Expression, other: Expression, rules: Rules) -> bool:
    """Whether two expressions are told apart before either comes to anything long."""
    ours, theirs = _opened((one,), rules), _opened((other,), rules)
    while ours and theirs:
        if isinstance(ours[0], Text) and isinstance(theirs[0], Text):
            a, b = ours[0].text, theirs[0].text
            size = min(len(a), len(b))
            if a[:size] != b[:size]:
                return True
            ours, theirs = _cut(ours, size), _cut(theirs, size)
        elif ours[0] == theirs[0] and _is_short(ours[0]):
            ours, theirs = ours[1:], theirs[1:]
        else:
            return _part_at_once(ours, theirs, rules)
        ours, theirs = _opened(ours, rules), _opened(theirs, rules)
    return False


def _opened(parts: tuple[Expression, ...], rules: Rules) -> tuple[Expression, ...]:
    """Return the same parts, the first of which is neither a rule nor a row."""
    while parts:
        match parts[0]:
            case Rule(name):
                parts = (rules[name], *parts[1:])
            case Row(inner):
                parts = (*inner, *parts[1:])
            case _:
                break
    return parts


def _cut(parts: tuple[Expression, ...], size: int) -> tuple[Expression, ...]:
    text = parts[0].text[size:] if isinstance(parts[0], Text) else ""
    return (Text(text), *parts[1:]) if text else parts[1:]


def _is_short(expression: Expression) -> bool:
    return not any(isinstance(part, Rule) for part in walk(expression))


def _part_at_once(
    ours: tuple[Expression, ...], theirs: tuple[Expression, ...], rules: Rules
) -> bool:
    texts, others = _texts(ours[0]), _texts(theirs[0])
    if texts and others:
        return not any(a.startswith(b) or b.startswith(a) for a in texts for b in others)
    first, second = _first_of_row(ours, rules), _first_of_row(theirs, rules)
    return first is not None and second is not None and first.isdisjoint(second)


def _texts(expression: Expression) -> list[str]:
    """Return the texts an expression may be, if it is nothing but texts."""
    options = expression.options if isinstance(expression, Choice) else (expression,)
    texts = [option.text for option in options if isinstance(option, Text)]
    return texts if len(texts) == len(options) else []


def _first(expression: Expression, rules: Rules) -> set[str] | None:
    """Return the characters an expression may begin with; `None` where that may be anything."""
    match expression:
        case Text(text):
            return {text[0]} if text else None
        case Chars(_, members):
            return None if members is None else set(members)
        case Rule(name):
            return _first(rules[name], rules)
        case Choice(options):
            return _united(_first(option, rules) for option in options)
        case Repeat(part, least):
            return _first(part, rules) if least else None
        case Row(parts):
            return _first_of_row(parts, rules)


def _first_of_row(parts: tuple[Expression, ...], rules: Rules) -> set[str] | None:
    for index, part in enumerate(parts):
        if not isinstance(part, Repeat) or part.least:
            skipped = [_first(p.part, rules) for p in parts[:index] if isinstance(p, Repeat)]
            return _united([*skipped, _first(part, rules)])
    return None


def _united(sets: Iterable[set[str] | None]) -> set[str] | None:
    united: set[str] = set()
    for one in sets:
        if one is None:
            return None
        united |= one
    return united
