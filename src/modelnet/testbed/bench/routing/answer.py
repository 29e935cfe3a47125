"""Reads recorded answers: what they say, in a form in which equal answers are equal.

Letters of choices, numbers, literals, and calls of tools in two spellings: JSON, and Python.
"""

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, cast

MISSING, TEXT, ONE_CALL, CALLS, WRONG_CALL = range(5)
"""Forms of an answer; a call is wrong that names no tool offered, or not its parameters."""

_DIGITS = 4
_LONGEST_KEY = 200
_LONGEST_CALLS = 50_000
"""Characters: what is longer is not parsed, so that the work is bounded."""
_FENCE = re.compile(r"```(?:python|json|tool_call)?\n?(.*?)```", re.DOTALL)
_FRACTION = re.compile(r"(-?[\d.]+)\s*/\s*([\d.]+)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CHOICE = re.compile(r"^\W*([A-J])\b\W*$")
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other,
}

_NO_CALLS = (
    *(ValueError, SyntaxError, TypeError, AttributeError),
    *(OverflowError, RecursionError, MemoryError),
)
"""What parsing raises where a text is no call, or one made to break it."""

_Calls = tuple[tuple[str, tuple[tuple[str, Hashable], ...]], ...]


class Reading(NamedTuple):
    """What an answer says; `key` is `None` where there is nothing to compare."""

    key: Hashable | None
    form: int


def reading_of(answer: Any, tools: Sequence[Mapping[str, Any]]) -> Reading:
    """Read an answer to a query that offered these tools."""
    if not isinstance(answer, str):
        return Reading(None, MISSING)
    if tools:
        return _of_calls(answer.strip(), tools)
    return _of_text(
        answer.strip().removeprefix("['").removesuffix("']").removesuffix("\\n").strip()
    )


def _of_text(text: str) -> Reading:
    if not text:
        return Reading(None, MISSING)
    if choice := _CHOICE.match(text):
        return Reading(choice.group(1), TEXT)
    number = _number(_THOUSANDS.sub("", text.replace("$", "").strip()))
    if number is not None:
        return Reading(number, TEXT)
    is_prose = len(text) > _LONGEST_KEY or "\n" in text
    return Reading(None if is_prose else text.strip("'\"").replace(" ", ""), TEXT)


def _of_calls(text: str, tools: Sequence[Mapping[str, Any]]) -> Reading:
    calls = _parsed(text)
    if not calls:
        return Reading("no call", TEXT)
    offered = {_plain_name(str(tool.get("name", ""))): tool for tool in tools}
    if not all(_fits(name, arguments, offered) for name, arguments in calls):
        return Reading(calls, WRONG_CALL)
    return Reading(calls, ONE_CALL if len(calls) == 1 else CALLS)


def _fits(
    name: str, arguments: tuple[tuple[str, Hashable], ...], offered: Mapping[str, Mapping[str, Any]]
) -> bool:
    if name not in offered:
        return False
    schema = offered[name].get("parameters")
    parts = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
    known = cast("Sequence[Any] | Mapping[str, Any]", parts.get("properties") or ())
    required = cast("Sequence[Any]", parts.get("required") or ())
    given = {parameter for parameter, _ in arguments}
    return given <= set(map(str, known)) and given >= set(map(str, required))


def _parsed(text: str) -> _Calls:
    """Return the calls of an answer; none where it is no call."""
    if len(text) > _LONGEST_CALLS:
        return ()
    unescaped = text.replace("\\_", "_")
    fenced = _FENCE.search(unescaped)
    body = (fenced.group(1) if fenced else unescaped).strip().rstrip(";").strip()
    attempts: list[Callable[[], _Calls]] = [
        lambda: _json_calls(text),
        lambda: _python_calls(body),
        lambda: _python_calls("[" + body.replace(";", ",").replace("\n", ",") + "]"),
    ]
    if "[" in body and "]" in body:
        attempts.append(lambda: _python_calls(body[body.index("[") : body.rindex("]") + 1]))
    for attempt in attempts:
        try:
            return attempt()
        except _NO_CALLS:
            continue
    return ()


def _json_calls(text: str) -> _Calls:
    decoded: Any = json.loads(text)
    listed: list[dict[str, Any]] = [decoded] if isinstance(decoded, dict) else decoded
    calls: list[tuple[str, tuple[tuple[str, Hashable], ...]]] = []
    for call in listed:
        for name, given in call.items():
            arguments: dict[str, Any] = json.loads(given) if isinstance(given, str) else given
            pairs = [(str(k), _value(v)) for k, v in arguments.items()]
            calls.append((_plain_name(name), _by_name(pairs)))
    return tuple(sorted(calls, key=repr))


def _python_calls(text: str) -> _Calls:
    tree = ast.parse(text, mode="eval").body
    calls: list[tuple[str, tuple[tuple[str, Hashable], ...]]] = []
    for call in tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]:
        if not isinstance(call, ast.Call):
            raise TypeError("no call")
        named = [(keyword.arg or "**", _node(keyword.value)) for keyword in call.keywords]
        placed = [(str(place), _node(value)) for place, value in enumerate(call.args)]
        calls.append((_plain_name(ast.unparse(call.func)), _by_name(placed + named)))
    return tuple(sorted(calls, key=repr))


def _by_name(pairs: list[tuple[str, Hashable]]) -> tuple[tuple[str, Hashable], ...]:
    return tuple(sorted(pairs, key=operator.itemgetter(0)))


def _plain_name(name: str) -> str:
    """Return a name as both spellings have it: OpenAI's API allows no dots."""
    return name.replace(".", "_")


def _value(value: Any) -> Hashable:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _rounded(float(value))
    if isinstance(value, str):
        number = _number(value.strip())
        return value.strip().lower() if number is None else number
    if isinstance(value, dict):
        parts = cast("dict[Any, Any]", value)
        return ("{}", *sorted((str(key), _value(part)) for key, part in parts.items()))
    if isinstance(value, list):
        return ("[]", *map(_value, cast("list[Any]", value)))
    return repr(value)


def _node(node: ast.expr) -> Hashable:
    match node:
        case ast.Constant():
            return _value(node.value)
        case ast.List() | ast.Tuple():
            return ("[]", *map(_node, node.elts))
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            return ("{}", *sorted(((str(_node(k)) if k else "**", _node(v)) for k, v in pairs)))
        case ast.UnaryOp(op=ast.USub()) if isinstance(number := _node(node.operand), float):
            return _rounded(-number)
        case ast.BinOp() if type(node.op) in _OPERATIONS:
            left, right = _node(node.left), _node(node.right)
            if isinstance(left, float) and isinstance(right, float) and right:
                return _rounded(_OPERATIONS[type(node.op)](left, right))
        case _:
            pass
    return ast.unparse(node).lower()


def _number(text: str) -> float | None:
    parts = _FRACTION.fullmatch(text)
    try:
        number = float(parts.group(1)) / float(parts.group(2)) if parts else float(text)
    except (ValueError, ZeroDivisionError):
        return None
    # Words that Python takes for numbers are compared as words.
    return _rounded(number) if math.isfinite(number) else None


def _rounded(number: float) -> float:
    """Return a number to be compared: there is one zero."""
    return round(number, _DIGITS) + 0.0 if math.isfinite(number) else number
