import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.verifier.schema import breaks


def of(schema):
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    ("schema", "answer", "is_broken"),
    [
        (PERSON, '{"name": "Ann", "age": 3}', False),
        (PERSON, '{"name": "Ann", "age": 3.0}', False),
        (PERSON, '{"name": "Ann", "age": 3.5}', True),
        (PERSON, '{"name": "Ann", "age": true}', True),
        (PERSON, '{"age": 3}', True),
        (PERSON, '{"name": ""}', True),
        (PERSON, '{"name": "Ann", "more": 1}', True),
        (PERSON, "[1]", True),
        (PERSON, '{"name": "Ann"', True),
        (PERSON, "Ann", True),
        (PERSON, "", True),
        ({"enum": [1, "a"]}, "1.0", False),
        ({"enum": [1, "a"]}, "true", True),
        ({"const": {"a": [1]}}, '{"a": [1]}', False),
        ({"const": {"a": [1]}}, '{"a": [2]}', True),
        ({"type": ["null", "string"]}, "null", False),
        ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, "2", True),
        ({"oneOf": [{"type": "string"}, {"minimum": 3}]}, "4", False),
        ({"allOf": [{"minimum": 3}, {"exclusiveMaximum": 4}]}, "4", True),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, "[1, 2]", False),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, "[1]", True),
        ({"prefixItems": [{"type": "string"}], "items": False}, '["a", 1]', True),
        (TREE, '{"next": {"next": {}}}', False),
        (TREE, '{"next": {"next": 3}}', True),
        ({"$ref": "#"}, "1", False),
        ({"$ref": "https://example.org/x"}, "1", False),
        ({"$ref": "#/nowhere"}, "1", False),
        ({"unheardOf": 3}, "1", False),
        ({"type": "unheard-of"}, "1", False),
        ({"required": 3}, "{}", False),
        ({"minimum": "a"}, "1", False),
        ("no schema", "1", False),
        (False, "1", True),
    ],
)
def test_a_schema(schema, answer, is_broken):
    assert breaks(of(schema), answer) == is_broken


@pytest.mark.parametrize(("answer", "is_broken"), [("{}", False), ("[]", True), ("no", True)])
def test_any_object(answer, is_broken):
    assert breaks({"type": "json_object"}, answer) == is_broken


@pytest.mark.parametrize("form", [None, {"type": "text"}, {}, {"type": "json_schema"}, {"type": 3}])
def test_no_form(form):
    assert not breaks(form, "anything")


def test_deep_answers_are_left_alone():
    assert breaks(of({}), "[" * 100_000 + "]" * 100_000) in (True, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(json_values)
def test_a_value_keeps_to_itself(value):
    assert not breaks(of({"const": value}), json.dumps(value))


@given(json_values, json_values)
def test_any_schema_will_do(schema, value):
    assert breaks(of(schema), json.dumps(value)) in (True, False)
