"""What can be counted in a query in microseconds: its length, its signs, the tools it offers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from modelnet.service.prediction.number import Floats

_READ = 20_000
"""Characters read at most, so that the work is bounded."""
_SIGNS = frozenset("+-*/=^<>")
_CHOICE = re.compile(r"^[A-J][.)]", re.MULTILINE)
_WORD = re.compile(r"[a-z]{3,}")
_NUMBER = re.compile(r"\d+")
_ASKS = re.compile(r"\s*(what|who|when|where|which|how)\b", re.IGNORECASE)
_SAYS_I = re.compile(r"\bI\b")
_MORE = re.compile(r"\b(also|then|and)\b", re.IGNORECASE)
_EXOTIC_TYPES = frozenset("String Boolean Bigint ArrayList Array HashMap char long".split())

TEXT_FEATURES = (
    *("length", "words", "digits", "signs", "backslashes", "dollars", "braces", "lines"),
    *("choices", "question", "word length", "definitions", "backticks", "capitals", "foreign"),
    *("asks", "first person", "conjunctions", "numbers", "commas", "sentences", "quotes"),
)
TOOL_FEATURES = (
    *("tools", "one tool", "two tools", "many tools", "parameters", "required"),
    *("words known to tools", "names in text", "descriptions in text", "numbers for parameters"),
    *("float", "array", "nested", "any", "exotic types", "tuple", "url", "dotted names"),
)


def surface(text: str, tools: Sequence[Mapping[str, Any]] = ()) -> Floats:
    """Return the surface features of a query, `(len(TEXT_FEATURES) + len(TOOL_FEATURES),)`.

    A tool is a function as OpenAI's API describes it: `name`, `description`, `parameters`.
    """
    text = text[:_READ]
    return np.array([*_of_text(text), *_of_tools(text, tools)], dtype=np.float64)


def _of_text(text: str) -> Iterator[float]:
    size = max(1, len(text))
    words = text.split()
    yield np.log1p(len(text))
    yield np.log1p(len(words))
    yield sum(map(str.isdigit, text)) / size
    yield sum(sign in _SIGNS for sign in text) / size
    yield from (text.count(sign) / size for sign in "\\${")
    yield np.log1p(text.count("\n"))
    yield len(_CHOICE.findall(text))
    yield float("?" in text)
    yield sum(map(len, words)) / max(1, len(words))
    yield np.log1p(text.count("def "))
    yield float("`" in text)
    yield sum(map(str.isupper, text)) / size
    yield sum(sign > "\x7f" for sign in text) / size
    yield float(_ASKS.match(text) is not None)
    yield float(_SAYS_I.search(text) is not None)
    yield np.log1p(len(_MORE.findall(text)))
    yield np.log1p(len(_NUMBER.findall(text)))
    yield np.log1p(text.count(","))
    yield np.log1p(text.count(". "))
    yield np.log1p(text.count("'") + text.count('"'))


def _of_tools(text: str, tools: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    if not tools:
        yield from [0.0] * len(TOOL_FEATURES)
        return
    names = " ".join(str(tool.get("name", "")) for tool in tools)
    described = " ".join(str(tool.get("description", "")) for tool in tools)
    types = [kind for tool in tools for kind in _types(tool.get("parameters"), 0)]
    parameters = sum(len(_dict(_dict(tool.get("parameters")).get("properties"))) for tool in tools)
    required = sum(len(_list(_dict(tool.get("parameters")).get("required"))) for tool in tools)
    asked, named, told = _words(text), _words(names.replace("_", " ")), _words(described)
    yield float(len(tools))
    yield float(len(tools) == 1)
    yield float(len(tools) == 2)
    yield float(len(tools) > 2)
    yield np.log1p(parameters)
    yield np.log1p(required)
    yield len(asked & (named | told)) / max(1, len(asked))
    yield len(asked & named) / max(1, len(named))
    yield len(asked & told) / max(1, len(told))
    yield np.log((1 + len(_NUMBER.findall(text))) / (1 + required))
    yield float("float" in types)
    yield float("array" in types)
    yield float(types.count("dict") + types.count("object") > len(tools))
    yield float("any" in types)
    yield float(not _EXOTIC_TYPES.isdisjoint(types))
    yield float("tuple" in types)
    yield float("requests." in names or "url" in names.lower())
    yield float("." in names)


def _types(schema: Any, depth: int) -> Iterator[str]:
    if depth > 8:
        return
    if isinstance(kind := _dict(schema).get("type"), str):
        yield kind
    for part in [*_dict(schema).values(), *_list(schema)]:
        yield from _types(part, depth + 1)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text[:_READ].lower()))


def _dict(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
