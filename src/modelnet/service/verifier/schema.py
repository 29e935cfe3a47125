"""Whether an answer keeps to the form that was asked for: JSON, of a schema. Pure.

A keyword that is not known here is passed over: only what surely breaks a form is told.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import msgspec

_MAX_STEPS = 20_000
"""Schemas looked into for one answer: references may go in circles."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}

Schema: TypeAlias = "Mapping[str, Any]"


class _GaveUpError(Exception):
    """The schema is too large, or makes no sense: nothing can be told."""


def breaks(response_format: Mapping[str, Any] | None, answer: str) -> bool:
    """Tell whether an answer surely breaks the form that was asked for."""
    match response_format:
        case {"type": "json_object"}:
            schema: Any = {"type": "object"}
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            pass
        case _:
            return False
    try:
        value = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return True
    except RecursionError:
        return False
    try:
        return not _Check(schema).accepts(schema, value)
    # A schema is anybody's: what its keywords hold need not be what they should.
    except (_GaveUpError, TypeError, KeyError, ValueError, AttributeError, RecursionError):
        return False


class _Check:
    """One value against one schema."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = 0

    def accepts(self, schema: Any, value: Any) -> bool:
        """Tell whether a schema accepts a value, unknown keywords aside."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise _GaveUpError
        if isinstance(schema, bool):
            return schema
        return self._keeps_general(schema, value) and all(
            keeps(self, schema, value) for kind, keeps in _OF_KIND if isinstance(value, kind)
        )

    def _keeps_general(self, schema: Schema, value: Any) -> bool:
        if "type" in schema and not any(_is_type(value, kind) for kind in _listed(schema["type"])):
            return False
        if "const" in schema and not _is_equal(schema["const"], value):
            return False
        if "enum" in schema and not any(_is_equal(one, value) for one in schema["enum"]):
            return False
        return self._keeps_combined(schema, value)

    def _keeps_combined(self, schema: Schema, value: Any) -> bool:
        if "$ref" in schema and not self.accepts(self._resolved(schema["$ref"]), value):
            return False
        if not all(self.accepts(one, value) for one in schema.get("allOf", ())):
            return False
        options = schema.get("anyOf")
        if options is not None and not any(self.accepts(one, value) for one in options):
            return False
        options = schema.get("oneOf")
        return options is None or any(self.accepts(one, value) for one in options)

    def _resolved(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise _GaveUpError
        found: Any = self._root
        for step in reference.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = cast("Any", found[int(name)] if isinstance(found, list) else found[name])
        return found

    def keeps_object(self, schema: Schema, value: dict[str, Any]) -> bool:
        """Tell whether an object has what it must have and no more than it may."""
        named: dict[str, Any] = schema.get("properties", {})
        if not all(key in value for key in schema.get("required", ())):
            return False
        if not all(self.accepts(named[key], value[key]) for key in named if key in value):
            return False
        if "patternProperties" in schema:
            return True
        others = schema.get("additionalProperties", True)
        return all(self.accepts(others, value[key]) for key in value if key not in named)

    def keeps_array(self, schema: Schema, value: list[Any]) -> bool:
        """Tell whether a list and its items are as they should be."""
        if not _is_within(schema, len(value), "minItems", "maxItems"):
            return False
        first: list[Any] = schema.get("prefixItems", [])
        if not all(self.accepts(one, item) for one, item in zip(first, value, strict=False)):
            return False
        return all(self.accepts(schema.get("items", True), item) for item in value[len(first) :])

    def keeps_string(self, schema: Schema, value: str) -> bool:
        """Tell whether a text is as long as it should be."""
        return _is_within(schema, len(value), "minLength", "maxLength")

    def keeps_number(self, schema: Schema, value: float) -> bool:
        """Tell whether a number lies where it should."""
        if isinstance(value, bool):
            return True
        return (
            _is_within(schema, value, "minimum", "maximum")
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        )


_OF_KIND = cast(
    "tuple[tuple[type | tuple[type, ...], Callable[[_Check, Schema, Any], bool]], ...]",
    (
        (dict, _Check.keeps_object),
        (list, _Check.keeps_array),
        (str, _Check.keeps_string),
        ((int, float), _Check.keeps_number),
    ),
)


def _listed(told: Any) -> list[str]:
    return [told] if isinstance(told, str) else told


def _is_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _is_within(schema: Schema, number: float, least: str, most: str) -> bool:
    return (least not in schema or number >= schema[least]) and (
        most not in schema or number <= schema[most]
    )


def _is_equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 is 1.0 but not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    match one, other:
        case [*ours], [*theirs]:
            return len(ours) == len(theirs) and all(map(_is_equal, ours, theirs))
        case {}, {}:
            return one.keys() == other.keys() and all(_is_equal(one[k], other[k]) for k in one)
        case _:
            return bool(one == other)
