"""The parameters of tools, which llama.cpp itself makes grammars of: heavy ones are refused first.

They are weighed, not translated: what llama.cpp leaves out or does in its own way may stay. Nothing
that it may follow is left out of the weight, and what it cannot read it refuses itself.
"""

from collections.abc import Iterable
from typing import Any, cast

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.collection import bracketed, items_in_order
from modelnet.resource.backend.grammar.gbnf import Expression, choice, row
from modelnet.resource.backend.grammar.keyword import OF_TYPE, Schema, list_of
from modelnet.resource.backend.grammar.pattern import refuse_heavy_pattern
from modelnet.resource.backend.grammar.schema import Translation
from modelnet.resource.backend.grammar.weight import refuse_heavy

_OPTIONS = ("anyOf", "oneOf")
_ABOUT_OBJECTS = frozenset({"properties", "required", "additionalProperties"})
_ABOUT_ARRAYS = frozenset({"items", "prefixItems"})


def refuse_heavy_tools(tools: Iterable[dict[str, Any]]) -> None:
    """Let tools pass whose parameters a model can be held to without stopping its engine.

    Raises:
        InvalidRequestError: the parameters of one are too large, endless or ambiguous.
    """
    for tool in tools:
        match tool:
            case {"function": {"parameters": parameters}}:
                try:
                    refuse_heavy_schema(parameters)
                except InvalidRequestError as error:
                    raise InvalidRequestError(f"A tool cannot be offered so. {error}") from error
            case _:
                pass


def refuse_heavy_schema(schema: Any) -> None:
    """Let a schema pass that llama.cpp may be given to make a grammar of.

    Raises:
        InvalidRequestError: it is too large, endless or ambiguous.
    """
    outline = _Outline(schema)
    try:
        rules = outline.rules()
        if outline.branches:
            refuse_heavy(rules)
    except RecursionError as error:
        raise InvalidRequestError("The schema is too deep; make it flatter.") from error


class _Outline(Translation):
    """What a schema may make an engine follow: whatever binds nothing or little is left open."""

    branches = False
    """Whether there is anything to weigh: alternatives, or parts that may hold themselves."""

    def _described(self, schema: Schema, depth: int) -> Expression:
        """Return all that a schema says, one after another: llama.cpp reads some part of it."""
        parts: list[Expression] = []
        if isinstance(pattern := schema.get("pattern"), str):
            refuse_heavy_pattern(pattern)
        if "$ref" in schema:
            self.branches = True
            parts.append(self._reference(schema["$ref"]))
        parts += [self._options(schema, word, depth) for word in _OPTIONS if word in schema]
        parts += [self._value(one, depth + 1) for one in list_of(schema, "allOf")]
        if values := [*list_of(schema, "enum"), *([schema["const"]] if "const" in schema else [])]:
            parts.append(self._constant(values))
        if schema.keys() & _ABOUT_OBJECTS:
            parts.append(self._object(schema, depth))
        if schema.keys() & _ABOUT_ARRAYS:
            parts.append(self._array(schema, depth))
        return row(*parts) if parts else self._plain(schema, depth)

    def _options(self, schema: Schema, word: str, depth: int) -> Expression:
        self.branches = True
        options = list_of(schema, word)
        self._spend(len(options) ** 2 // 8)
        found = [self._value(one, depth + 1) for one in options]
        return choice(found, is_apart=False) if found else self._plain({}, depth)

    def _plain(self, schema: Schema, depth: int) -> Expression:
        told = schema.get("type")
        kinds = cast("list[Any]", told) if isinstance(told, list) else [told]
        known = [kind for kind in kinds if isinstance(kind, str) and kind in OF_TYPE]
        if not known:
            return self._value(True, depth)
        return choice(self._of_type(kind, {}, depth) for kind in known)

    def _array(self, schema: Schema, depth: int) -> Expression:
        """Return an array; how many items of one kind there are weighs nothing."""
        told = schema.get("items", "prefixItems" not in schema)
        first = (
            cast("list[Any]", told) if isinstance(told, list) else list_of(schema, "prefixItems")
        )
        rules = [self._named("item", self._value(one, depth + 1)) for one in first]
        more = None
        if isinstance(told, dict) or told is True:
            more = self._named("item", self._value(told, depth + 1))
        least = len(rules) or 1 if schema.get("minItems") else 0
        return bracketed(items_in_order(rules, more, least, None), is_filled=least > 0)
