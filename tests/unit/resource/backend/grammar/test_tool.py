"""Parameters of tools that would stop llama.cpp are refused; all others pass, however odd."""

from typing import Any

import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar import refuse_heavy_schema, refuse_heavy_tools
from modelnet.resource.backend.grammar.pattern import MAX_COPIES, MAX_PATTERN, refuse_heavy_pattern


def several(part: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": part, **more}


T = {"$ref": "#/$defs/t"}


def recursive(*options: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"at": T}, "required": ["at"], "$defs": {"t": {"anyOf": [*options]}}}


def nested(depth: int) -> dict[str, Any]:
    return several(nested(depth - 1)) if depth else {"type": "boolean"}


FILTER = recursive(
    {"type": "object", "properties": {"and": several(T)}, "required": ["and"]},
    {"type": "object", "properties": {"or": several(T)}, "required": ["or"]},
    {
        "type": "object",
        "properties": {"field": {"type": "string"}, "is": {"type": ["string", "null"]}},
        "required": ["field", "is"],
    },
)
LIGHT: dict[str, Any] = {
    "nothing": {},
    "anything": True,
    "unknown words": {"type": "string", "format": "uri", "not": {"const": "a"}, "x-order": 3},
    "an odd type": {"type": "any"},
    "patterns": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$"},
    "long counts": {
        "properties": {
            "text": {"type": "string", "maxLength": 1_000_000},
            "list": several({"type": "string"}, minItems=1, maxItems=5000),
        }
    },
    "tuples": {"type": "array", "items": [{"type": "integer"}, {"type": "null"}]},
    "several words": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"enum": ["x", 1, None]}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "allOf": [{"properties": {"c": {"const": 3}}}, {"minProperties": 1}],
        "additionalProperties": {"type": ["number", "boolean"]},
    },
    "a list that goes on": recursive(
        {"type": "null"},
        {"type": "object", "properties": {"next": T}, "required": ["next"]},
    ),
    "a filter": FILTER,
    "many properties": {"properties": {f"p{i}": {"type": "string"} for i in range(500)}},
}
HEAVY: dict[str, tuple[Any, str]] = {
    "alike": (recursive({"type": "boolean"}, several(T), several(T, maxItems=9)), "too much alike"),
    "hidden": (
        {**recursive({"type": "boolean"}, several(T), several(T, maxItems=9)), "anyOf": [{}, {}]},
        "too much alike",
    ),
    "endless": (recursive(several(T, minItems=1)), "without end"),
    "itself": (recursive({"type": "boolean"}, T), "alternative of itself"),
    "deep": (nested(40), "too deep"),
    "large": ({"enum": [*range(10_000)]}, "more than 8192 parts"),
    "elsewhere": ({"$ref": "https://example.org/schema"}, r"\$ref"),
    "pattern": ({"properties": {"a": {"pattern": "^((a?){30}){30}b$"}}}, "repeats a group"),
    "no schema": ({"properties": {"a": 3}}, "neither an object nor a boolean"),
}


def tool(parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "parameters": parameters}}


@pytest.mark.parametrize("name", LIGHT)
def test_what_an_engine_can_follow_passes(name: str):
    refuse_heavy_tools([tool(LIGHT[name])])


@pytest.mark.parametrize("name", HEAVY)
def test_what_would_stop_it_is_refused(name: str):
    schema, why = HEAVY[name]
    with pytest.raises(InvalidRequestError, match=why):
        refuse_heavy_tools([tool({}), tool(schema)])


@pytest.mark.parametrize("odd", [{}, {"function": 3}, {"function": {"name": "look"}}, tool(None)])
def test_tools_that_are_none_are_left_to_others(odd: dict[str, Any]):
    if odd == tool(None):
        with pytest.raises(InvalidRequestError):
            refuse_heavy_tools([odd])
    else:
        refuse_heavy_tools([odd])


def test_a_schema_deeper_than_python_goes_is_refused():
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"allOf": [schema]}
    with pytest.raises(InvalidRequestError, match="deep"):
        refuse_heavy_schema(schema)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^[a-z0-9]+(-[a-z0-9]+)*$",
        r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|1?\d?\d)$",
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        "^.{0,2000}$",
        r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$",
        r"^[(){30}{30}]*\((a\)){2,9}$",
        "^(a{30}){30}$",
        "((((",
        "))))a{3}",
        "{5}",
    ],
)
def test_patterns_as_people_write_them_pass(pattern: str):
    refuse_heavy_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^((a?){16}){16}b$",
        "^((((a?){50}){50}){50}){50}b$",
        "^((a|b){0,30}){0,30}$",
        "^(a{0,2000})*b$",
        f"^(a?){{{MAX_COPIES}}}$",
        r"^(\((x[)]?){9}){9}$",
        "a" * (MAX_PATTERN + 1),
    ],
)
def test_patterns_that_multiply_are_refused(pattern: str):
    with pytest.raises(InvalidRequestError, match="pattern"):
        refuse_heavy_pattern(pattern)
