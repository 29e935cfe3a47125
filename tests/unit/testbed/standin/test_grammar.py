"""Grammars of the shortest JSON of a schema."""

import pytest

from modelnet.testbed.standin.grammar import call_grammar, grammar_of
from modelnet.testbed.standin.ollama.version import NEWEST, features_of


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"const": 'say "a"'}, r'"\"say \\\"a\\\"\""'),
        ({"enum": ["a", 1]}, r'("\"a\"" | "1")'),
        ({"type": "boolean"}, '("true" | "false")'),
        ({"type": "array", "items": {"type": "null"}}, '"[" "null" "]"'),
        ({"type": "object"}, '"{"  "}"'),
        (
            {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}},
            r'"{" "\"a\":" "1" "," "\"b\":" "2" "}"',
        ),
    ],
)
def test_a_schema_has_its_rule(schema, rule):
    assert grammar_of(schema) == f"root ::= {rule}"


def test_a_call_is_of_any_of_the_tools():
    tools = [{"function": {"name": name}} for name in ("look", "rest")]
    grammar = call_grammar(tools)
    assert r'"\"look\""' in grammar
    assert " | " in grammar


def test_versions_have_what_came_with_them():
    assert all(features_of(NEWEST))
    assert not any(features_of("0.1.30"))
    assert features_of("0.9.0").think
    assert not features_of("0.12.10").logprobs
