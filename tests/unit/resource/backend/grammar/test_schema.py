"""What comes out of a grammar is always accepted by its schema; what cannot be held is refused."""

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar import grammar_of
from modelnet.resource.backend.grammar.schema import MAX_DEPTH, rules_of
from tests.conformance.json_schema import accepts
from tests.unit.resource.backend.grammar.speaker import Speaker, pattern_of

TREE = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "op": {"const": op},
                "left": {"$ref": "#"},
                "right": {"$ref": "#"},
            },
            "required": ["op", "left", "right"],
        }
        for op in ("add", "sub")
    ]
    + [{"type": "number"}]
}
LIST = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        }
    },
    "$ref": "#/$defs/node",
}
SHAPES = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "minimum": 0}},
            "required": ["kind", "radius"],
        },
        {
            "type": "object",
            "properties": {"kind": {"enum": ["square", "box"]}, "side": {"type": "integer"}},
            "required": ["kind"],
        },
        {"type": "null"},
    ]
}
SCHEMAS: list[Any] = [
    True,
    {},
    TREE,
    LIST,
    SHAPES,
    {"type": "object"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    {"prefixItems": [{"type": "null"}, {"const": {"a": [1, 'é"']}}], "items": False},
    {"prefixItems": [{"type": "null"}, {"type": "string"}], "minItems": 1},
    {"prefixItems": [{"type": "null"}], "items": {"type": "integer"}, "minItems": 3, "maxItems": 5},
    {"prefixItems": [{"type": "null"}], "minItems": 3},
    {"prefixItems": [{"type": "null"}] * 3, "maxItems": 2},
    {"type": "array", "maxItems": 0},
    {"type": "array", "minItems": 1, "maxItems": 1},
    {"type": "string", "minLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "minLength": 70, "maxLength": 300},
    {"type": ["string", "null", "integer"], "maxLength": 2, "minimum": 5},
    {"type": ["number", "integer"]},
    {"enum": ["a", "ab", "b", "", 1, 12, 1.5, None, True, [], {"a": 1}]},
    {"enum": [1, 2.0, "a"], "type": "integer"},
    {"properties": {"a": False, "b": True}},
    {"properties": {"a": False}},
    {"required": ["b", "a"], "additionalProperties": {"type": "null"}},
    {"properties": {}, "additionalProperties": False},
    {
        "properties": {
            "a": {"const": 1},
            "ab": {"const": 2},
            "b\n": {"const": 3},
            "": {"const": 4},
        },
        "required": ["ab"],
        "additionalProperties": {"type": "boolean"},
    },
    {"properties": {"k" * 80: {"type": "null"}}, "additionalProperties": True},
    {"additionalProperties": {"type": "integer"}, "type": "object"},
    {"allOf": [{"$ref": "#/$defs/a~1b"}], "$defs": {"a/b": {"type": "null"}}, "title": "x"},
    *({"type": "string", "format": form} for form in ("date", "time", "date-time", "uuid")),
]


def answers(schema: Any, count: int = 60) -> list[str]:
    speaker = Speaker(rules_of(schema), random.Random(5))
    return [speaker.say() for _ in range(count)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_whatever_is_said_is_accepted(schema):
    if "a~1b" in json.dumps(schema):
        assert {*answers(schema)} == {"null"}
        return
    for text in answers(schema):
        assert accepts(schema, json.loads(text)), text


def test_answers_are_as_various_as_the_schema():
    said = {json.dumps(json.loads(text)) for text in answers({"enum": ["a", "ab", 1, 12, None]})}
    assert said == {'"a"', '"ab"', "1", "12", "null"}
    three = answers({"properties": dict.fromkeys("abc", True)}, 400)
    keys = {"".join(json.loads(text)) for text in three}
    assert keys == {"", "a", "b", "c", "ab", "ac", "bc", "abc"}
    sizes = {len(json.loads(text)) for text in answers({"type": "array", "maxItems": 3})}
    assert sizes == {0, 1, 2, 3}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4) | st.just(0.5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
bounds = st.integers(-1200, 1200)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(bounds)
    high = low + draw(st.integers(2, 3000))
    words = (
        draw(st.sampled_from(["minimum", "exclusiveMinimum"])),
        draw(st.sampled_from(["maximum", "exclusiveMaximum"])),
    )
    told = dict(zip(words, (low, high), strict=True))
    kept = {word: told[word] for word in told if draw(st.booleans())}
    return {"type": draw(st.sampled_from(["integer", "number"]))} | kept


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    properties = draw(st.dictionaries(st.text(max_size=3), inner, max_size=4))
    schema = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from([*properties]), unique=True))
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.booleans() | inner)
    return schema


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    least = draw(st.integers(0, 3))
    schema: dict[str, Any] = {"type": "array", "items": draw(inner), "minItems": least}
    if draw(st.booleans()):
        schema["maxItems"] = least + draw(st.integers(0, 3))
    if draw(st.booleans()):
        schema["prefixItems"] = draw(st.lists(inner, max_size=3))
    return schema


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(st.integers(0, 130))
    return {"type": "string", "minLength": least, "maxLength": least + draw(st.integers(0, 300))}


schemas = st.recursive(
    st.sampled_from([True, {}, {"type": "boolean"}, {"type": "null"}, {"type": "string"}])
    | numbers()
    | strings()
    | st.builds(lambda values: {"enum": values}, st.lists(json_values, min_size=1, max_size=5))
    | st.builds(lambda value: {"const": value}, json_values),
    lambda inner: (
        objects(inner)
        | arrays(inner)
        | st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=6,
)


@given(schemas, st.integers(0, 1 << 32))
def test_any_schema_is_kept(schema, seed):
    speaker = Speaker(rules_of(schema), random.Random(seed))
    for _ in range(5):
        text = speaker.say()
        assert accepts(schema, json.loads(text)), text


@given(numbers(), st.integers(-1300, 4300))
def test_each_integer_within_the_bounds_may_be_said(schema, value):
    told = {"type": "integer", **{word: schema[word] for word in schema if word != "type"}}
    matches = re.fullmatch(pattern_of(rules_of(told)), str(value))
    assert bool(matches) == accepts(told, value)


@given(numbers(), st.decimals(-1300, 4300, places=2))
def test_each_number_within_the_bounds_may_be_said(schema, value):
    told = schema | {"type": "number"}
    matches = re.fullmatch(pattern_of(rules_of(told)), str(value))
    assert bool(matches) == accepts(told, float(value))


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "string", "pattern": "^a+$"}, "pattern"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "format": "date", "maxLength": 3}, "format and a length"),
        ({"type": "object", "patternProperties": {}}, "patternProperties"),
        ({"type": "object", "minProperties": 1}, "minProperties"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "items": [{}]}, "neither an object"),
        ({"type": "number", "multipleOf": 2}, "multipleOf"),
        ({"type": "number", "minimum": 0.5}, "whole"),
        ({"type": "number", "minimum": "0"}, "minimum"),
        ({"type": "integer", "minimum": 2, "exclusiveMaximum": 2}, "between the bounds"),
        ({"type": "integer", "minimum": 10**18}, "between the bounds"),
        ({"type": "string", "minLength": -1}, "minLength"),
        ({"type": "string", "minLength": 2, "maxLength": 1}, "below"),
        ({"type": "string", "maxLength": True}, "maxLength"),
        ({"type": "nonsense"}, "nonsense"),
        ({"type": []}, "empty"),
        ({"type": [["string"]]}, "unknown type"),
        ({"not": {}}, "not"),
        ({"if": {}, "then": {}}, "'if'"),
        ({"allOf": [{}, {}]}, "several"),
        ({"anyOf": []}, "anyOf"),
        ({"anyOf": [False]}, "forbids"),
        ({"anyOf": [{}], "type": "string"}, "'type'"),
        ({"$ref": "#/$defs/x", "$defs": {}}, "means nothing"),
        ({"$ref": "http://127.0.0.1:9/x"}, "begins with #/"),
        ({"$ref": "#", "type": "object"}, "'type'"),
        ({"enum": []}, "no value"),
        ({"enum": "ab"}, "enum"),
        ({"enum": [1], "type": "string"}, "no value"),
        ({"const": float("nan")}, "no JSON"),
        ({"properties": {"a": False}, "required": ["a"]}, "forbids"),
        ({"required": ["a"], "additionalProperties": False}, "forbids"),
        ({"properties": []}, "properties"),
        ({"required": "a"}, "required"),
        ({"properties": {"a": {"$id": "x"}}}, r"\$id"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "oneOf"),
        ({"oneOf": [{"enum": [1]}, {"enum": [1.0, 2]}]}, "oneOf"),
        ({"oneOf": [{"properties": {"a": {"const": 1}}}, {"type": "object"}]}, "oneOf"),
        (False, "forbids"),
        ("x", "neither"),
        (None, "neither"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_by_name(schema, word):
    with pytest.raises(InvalidRequestError, match=word):
        grammar_of(schema)


def nested(depth: int, word: str = "items") -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {word: [schema] if word == "anyOf" else schema}
    return schema


def reference(part: int) -> dict[str, str]:
    return {"$ref": f"#/$defs/{part}"}


def deep_list(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


LIKE_ITSELF = {"anyOf": [{"minItems": n, "items": {"$ref": "#"}} for n in (1, 2)] + [{"const": 1}]}
HOSTILE: dict[str, Any] = {
    "deep": nested(400),
    "deep alternatives": nested(400, "anyOf"),
    "deep constant": {"oneOf": [{"const": deep_list(5000)}, {"const": [1]}]},
    "itself": {"$ref": "#"},
    "itself in a ring": {
        "$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}
    },
    "needs itself": {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "alternative of itself": {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
    "like itself": LIKE_ITSELF,
    "like each other, again and again": {
        "$ref": "#/$defs/0",
        "$defs": {
            str(n): {"anyOf": [{"minItems": k, "items": reference(n + 1)} for k in (1, 2)]}
            for n in range(20)
        } | {"20": {}},
    },
    "enum": {"enum": [*range(100_000)]},
    "properties": {"properties": {str(n): {} for n in range(100_000)}},
    "alternatives": {"anyOf": [{"const": n} for n in range(5_000)]},
    "alike alternatives": {"prefixItems": [{"anyOf": [{"minItems": n} for n in range(64)]}] * 200},
    "overlapping": {"prefixItems": [{"oneOf": [{"const": n} for n in range(64)]}] * 200},
    "items": {"minItems": 10**9},
    "many items": {"prefixItems": [{"maxItems": 1000}] * 100},
    "characters": {"minLength": 10**9},
    "long": {"const": "x" * 10**6},
    "long keys": {
        "properties": {f"{n}" * 50: {} for n in range(2_000)}, "additionalProperties": True
    },
    "references": {
        "$ref": "#/$defs/0", "$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(5_000)}
    },
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_refused_at_little_cost(name):
    # Where it is not, this takes minutes, or memory without end.
    with pytest.raises(InvalidRequestError):
        grammar_of(HOSTILE[name])


def test_depth_is_counted_within_references_only():
    grammar_of(nested(MAX_DEPTH))
    names = [f"d{n}" for n in range(100)]
    parts = {
        name: {"items": {"$ref": f"#/$defs/{after}"}}
        for name, after in zip(names, [*names[1:], "end"], strict=True)
    }
    grammar_of({"$ref": "#/$defs/d0", "$defs": parts | {"end": {"type": "null"}}})


def test_annotations_bind_nothing():
    plain = grammar_of({"type": "string"})
    told = {"title": "a", "description": "b", "default": 1, "examples": [], "deprecated": True}
    assert grammar_of({"type": "string", "$schema": "x", "$id": "y", "$defs": {}, **told}) == plain


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("</think>[1]", True),
        ("a < b\n<a></think>\n\n[1]", True),
        ("a", False),
        ("[1]", False),
        ("a</think>[2]", False),
        ("a</b></think>[1]", False),
    ],
)
def test_a_thought_ends_before_the_answer_begins(text, is_whole):
    rules = rules_of({"const": [1]}, is_thinking=True)
    assert bool(re.fullmatch(pattern_of(rules), text)) == is_whole
