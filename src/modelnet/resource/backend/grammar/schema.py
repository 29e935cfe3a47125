"""JSON Schema (2020-12) to a grammar of answers that fulfil it: all of it, or a refusal.

What is answered is always accepted by the schema, but not all that it accepts is answered:
properties come in their order, none but the named ones unless `additionalProperties` asks for them,
blanks are few, numbers have fifteen digits. https://json-schema.org/draft/2020-12
"""

import json
from collections import deque
from typing import Any, cast

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.collection import (
    BLANK,
    BLANK_RULE,
    braced,
    bracketed,
    items_in_order,
    listed,
    pairs_in_order,
)
from modelnet.resource.backend.grammar.gbnf import (
    ROOT,
    Chars,
    Expression,
    Repeat,
    Rule,
    Rules,
    Text,
    choice,
    grammar_text,
    one_of,
    row,
)
from modelnet.resource.backend.grammar.keyword import (
    COMBINERS,
    OF_TYPE,
    Schema,
    constants,
    list_of,
    names_of,
    object_of,
    refuse_others,
    types_of,
)
from modelnet.resource.backend.grammar.number import integer, number
from modelnet.resource.backend.grammar.reference import are_disjoint, resolve
from modelnet.resource.backend.grammar.string import (
    ANY_STRING,
    CHARACTER,
    CHARACTER_RULE,
    length,
    other_key,
    string,
)
from modelnet.resource.backend.grammar.weight import refuse_heavy
from modelnet.resource.backend.reasoning import CLOSE

MAX_DEPTH = 32
MAX_PARTS = 8192
"""Schemas, properties, values of enums and counted items in one schema."""

MAX_REFERENCES = 128
MAX_OPTIONS = 64
MAX_ITEMS = 1000
MAX_TEXT = 1 << 18
"""Characters of a grammar."""

_VALUE = Rule("value")
_ANY_OBJECT = braced(listed(row(ANY_STRING, Text(":"), BLANK, _VALUE)), is_filled=False)
_ANY_ARRAY = bracketed(listed(_VALUE), is_filled=False)
# `</` stands in no thought but at its end.
_THOUGHT = row(
    Repeat(choice((Chars("[^<]"), row(Text("<"), Chars("[^/]"))))),
    Text(CLOSE),
    Repeat(Text("\n"), 0, 2),
)
_BOOLEAN, _NULL = choice((Text("true"), Text("false"))), Text("null")
_SHARED: Rules = {
    BLANK.name: BLANK_RULE,
    CHARACTER.name: CHARACTER_RULE,
    _VALUE.name: choice((_ANY_OBJECT, _ANY_ARRAY, ANY_STRING, number({}), _BOOLEAN, _NULL)),
}


def grammar_of(schema: Any, *, is_thinking: bool = False) -> str:
    """Return the grammar, as llama.cpp reads it, of answers that fulfil a JSON Schema.

    A model that is thinking when it begins first ends its thought.

    Raises:
        InvalidRequestError: it has a keyword no model can be held to, or is too much to follow.
    """
    try:
        text = grammar_text(rules_of(schema, is_thinking=is_thinking))
    except RecursionError as error:
        raise InvalidRequestError("The schema is too deep; make it flatter.") from error
    if len(text) > MAX_TEXT:
        raise InvalidRequestError("The schema is too long; make it shorter.")
    return text


def rules_of(schema: Any, *, is_thinking: bool = False) -> Rules:
    """Return the rules of a schema, `root` first.

    Raises:
        InvalidRequestError: it has a keyword no model can be held to, or is too much to follow.
    """
    rules = Translation(schema).rules()
    if is_thinking:
        rules[ROOT] = row(_THOUGHT, rules[ROOT])
    refuse_heavy(rules)
    return rules


class Translation:
    """One schema on its way to a grammar."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._rules: Rules = {ROOT: _VALUE, **_SHARED}
        self._references: dict[str, Rule] = {}
        self._waiting: deque[str] = deque()
        self._parts = 0

    def rules(self) -> Rules:
        """Return the rules, `root` first.

        Raises:
            InvalidRequestError: the schema is too large, or has what no model can be held to.
        """
        self._rules[ROOT] = self._value(self._root, 0)
        # One after another, not one within another: a long chain of references is no deep call.
        while self._waiting:
            reference = self._waiting.popleft()
            found = resolve(self._root, reference)
            self._rules[self._references[reference].name] = self._value(found, 0)
        return self._rules

    def _spend(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MAX_PARTS:
            raise InvalidRequestError(
                f"The schema has more than {MAX_PARTS} parts; make it smaller."
            )

    def _named(self, kind: str, part: Expression) -> Rule:
        """Make a rule of a part that stands in several places."""
        rule = Rule(f"{kind}-{len(self._rules)}")
        self._rules[rule.name] = part
        return rule

    def _value(self, schema: Any, depth: int) -> Expression:
        self._spend(1)
        if depth > MAX_DEPTH:
            raise InvalidRequestError("The schema is too deep; put parts of it into $defs.")
        match schema:
            case True:
                return _VALUE
            case False:
                raise InvalidRequestError("The schema asks for what it forbids; mend it.")
            case dict():
                return self._described(cast("Schema", schema), depth)
            case _:
                raise InvalidRequestError("A schema is neither an object nor a boolean; mend it.")

    def _described(self, schema: Schema, depth: int) -> Expression:
        if "$id" in schema and schema is not self._root:
            raise InvalidRequestError("A part of the schema has an $id; take it away.")
        match next((word for word in COMBINERS if word in schema), None):
            case "$ref":
                refuse_others(schema, {"$ref"})
                return self._reference(schema["$ref"])
            case "const" | "enum" as word:
                refuse_others(schema, {word, "type"})
                return self._constant(constants(schema) or [])
            case None:
                return self._typed(schema, depth)
            case word:
                refuse_others(schema, {word})
                return self._combined(word, schema, depth)

    def _reference(self, reference: Any) -> Rule:
        resolve(self._root, reference)
        if reference not in self._references:
            if len(self._references) == MAX_REFERENCES:
                raise InvalidRequestError(
                    f"The schema refers to more than {MAX_REFERENCES} parts; make it smaller."
                )
            self._references[reference] = Rule(f"part-{len(self._references)}")
            self._waiting.append(reference)
        return self._references[reference]

    def _constant(self, values: list[Any]) -> Expression:
        self._spend(len(values))
        return one_of([_json(value) for value in values])

    def _combined(self, word: str, schema: Schema, depth: int) -> Expression:
        schemas = list_of(schema, word)
        if not 0 < len(schemas) <= MAX_OPTIONS:
            raise InvalidRequestError(f"The schema's {word} is no list of 1 to {MAX_OPTIONS}.")
        if word == "allOf" and len(schemas) > 1:
            raise InvalidRequestError("The schema's allOf has several parts; make one of them.")
        # Each alternative is compared with each other.
        self._spend(len(schemas) ** 2 // 8)
        if word == "oneOf":
            self._refuse_overlap(schemas)
        options = [one for one in schemas if one is not False] or schemas
        return choice((self._value(one, depth + 1) for one in options), is_apart=False)

    def _refuse_overlap(self, schemas: list[Any]) -> None:
        """Refuse alternatives of which one value may fulfil two."""
        for index, one in enumerate(schemas):
            for other in schemas[:index]:
                if not are_disjoint(self._root, one, other):
                    raise InvalidRequestError(
                        "Two parts of the schema's oneOf may hold for one value; use anyOf, or "
                        "require a property of another constant in each."
                    )

    def _typed(self, schema: Schema, depth: int) -> Expression:
        types = types_of(schema)
        refuse_others(schema, {"type"}.union(*(OF_TYPE[kind] for kind in types)))
        if not types:
            return _VALUE
        return choice(self._of_type(kind, schema, depth) for kind in types)

    def _of_type(self, kind: str, schema: Schema, depth: int) -> Expression:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return string(schema, self._rules)
            case "number" | "integer":
                return number(schema) if kind == "number" else integer(schema)
            case _:
                return _BOOLEAN if kind == "boolean" else _NULL

    def _object(self, schema: Schema, depth: int) -> Expression:
        required = names_of(schema, "required")
        is_free = not object_of(schema, "properties") and not required
        if is_free and schema.get("additionalProperties", True) is True:
            return _ANY_OBJECT
        pairs = self._pairs(schema, required, depth)
        extra = self._extra(schema, pairs, depth)
        inside = pairs_in_order(pairs, required, extra, self._rules)
        return braced(inside, is_filled=bool(required))

    def _pairs(self, schema: Schema, required: set[str], depth: int) -> dict[str, Rule]:
        """Return the rule of each property, in their order."""
        properties, other = (
            object_of(schema, "properties"),
            schema.get("additionalProperties", True),
        )
        told = properties | dict.fromkeys(sorted(required - properties.keys()), other)
        # What may never be there is left out, and is no other property either.
        return {
            key: self._pair(key, value, depth)
            for key, value in told.items()
            if value is not False or key in required
        }

    def _pair(self, key: str, value: Any, depth: int) -> Rule:
        return self._named(
            "pair", row(Text(f"{_json(key)}:"), BLANK, self._value(value, depth + 1))
        )

    def _extra(self, schema: Schema, pairs: dict[str, Rule], depth: int) -> Rule | None:
        other = schema.get("additionalProperties", False)
        if other is False:
            return None
        known = {*object_of(schema, "properties"), *pairs}
        self._spend(sum(map(len, known)))
        value = self._value(other, depth + 1)
        return self._named("pair", row(other_key(known), Text(":"), BLANK, value))

    def _array(self, schema: Schema, depth: int) -> Expression:
        least = length(schema, "minItems", MAX_ITEMS) or 0
        most = length(schema, "maxItems", MAX_ITEMS)
        if most is not None and most < least:
            raise InvalidRequestError("The schema's maxItems is below its minItems; mend it.")
        first = list_of(schema, "prefixItems")
        self._spend(max(least, most or 0))
        items = [self._named("item", self._value(one, depth + 1)) for one in first[:most]]
        more = self._more(schema, len(first), least, most, depth)
        inside = items_in_order(items, more, least, most)
        return bracketed(inside, is_filled=least > 0)

    def _more(
        self, schema: Schema, first: int, least: int, most: int | None, depth: int
    ) -> Rule | None:
        """Return the rule of the items behind the first ones, if there may be any."""
        # Without a word on further items, none come but those that must.
        other = schema.get("items", first == 0 or least > first)
        if (most is not None and most <= first) or (other is False and least <= first):
            return None
        return self._named("item", self._value(other, depth + 1))


def _json(value: Any) -> str:
    """Return a value as a model is to write it.

    Raises:
        InvalidRequestError: it is none of JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError("The schema has a constant that is no JSON; mend it.") from error
    return text
