"""Grammars that hold a model to the shortest JSON of a schema: even one that babbles gets it right.

llama.cpp makes grammars of schemas too, but leaves room for blanks without end, in which a model
that knows no JSON is lost. Worse, its library for schemas remembers a vocabulary by its address: it
aborts the process where a later model has another one at the same place. Grammars as text do not
go through it: https://github.com/ggml-org/llama.cpp/blob/master/grammars
"""

import json
from typing import Any

_PLAIN = {
    "boolean": '("true" | "false")',
    "integer": "[1-9] [0-9]{0,3}",
    "number": "[1-9] [0-9]{0,3}",
    "null": '"null"',
    "string": r'"\"" [a-z]{1,8} "\""',
}


def grammar_of(schema: dict[str, Any]) -> str:
    """Return the grammar of a schema; all properties are given, in their order."""
    return f"root ::= {_rule(schema)}"


def call_grammar(tools: list[dict[str, Any]]) -> str:
    """Return the grammar of a call of any of these tools, as OpenAI describes tools."""
    calls = [_call_schema(tool["function"]) for tool in tools]
    return grammar_of({"anyOf": calls})


def _call_schema(function: dict[str, Any]) -> dict[str, Any]:
    arguments = function.get("parameters") or {"type": "object"}
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": arguments},
    }


def _rule(schema: dict[str, Any]) -> str:
    match schema:
        case {"const": value}:
            return _literal(value)
        case {"enum": values}:
            return _any(_literal(value) for value in values)
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return _any(_rule(kind) for kind in kinds)
        case {"type": "array"}:
            return f'"[" {_rule(schema.get("items", {}))} "]"'
        case {"type": "object"}:
            return _object(schema.get("properties") or {})
        case _:
            return _PLAIN.get(schema.get("type", "string"), _PLAIN["string"])


def _object(properties: dict[str, Any]) -> str:
    pairs = [f"{_text(json.dumps(key) + ':')} {_rule(value)}" for key, value in properties.items()]
    inside = ' "," '.join(pairs)
    return f'"{{" {inside} "}}"'


def _any(rules: Any) -> str:
    return f"({' | '.join(rules)})"


def _literal(value: Any) -> str:
    return _text(json.dumps(value))


def _text(text: str) -> str:
    return json.dumps(text)
