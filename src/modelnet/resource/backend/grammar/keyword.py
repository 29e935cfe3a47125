"""The words of JSON Schema that a model can be held to, and those that bind nothing."""

from typing import Any, TypeAlias, cast

from modelnet.core.error import InvalidRequestError

Schema: TypeAlias = dict[str, Any]

ANNOTATIONS = frozenset(
    {
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
        "$schema", "$id", "$comment", "$defs", "definitions",
    }
)  # fmt: skip

_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
OF_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "format"}),
    "number": _BOUNDS,
    "integer": _BOUNDS,
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
"""For each type of JSON, the keywords that bind it."""

COMBINERS = ("$ref", "const", "enum", "anyOf", "oneOf", "allOf")


def binding(schema: Schema) -> set[str]:
    """Return the keywords of a schema that bind an answer."""
    return schema.keys() - ANNOTATIONS


def types_of(schema: Schema) -> tuple[str, ...]:
    """Return the types a schema names, or the one its keywords are about; none for any value.

    Raises:
        InvalidRequestError: a type is none of JSON's, or a keyword is none we know.
    """
    if "type" in schema:
        told = schema["type"]
        types = tuple(cast("list[Any]", told)) if isinstance(told, list) else (told,)
        for kind in types:
            if not isinstance(kind, str) or kind not in OF_TYPE:
                raise InvalidRequestError(f"The schema has the unknown type {kind!r}; mend it.")
        if not types:
            raise InvalidRequestError("The schema has an empty list of types; name one.")
        return tuple(t for t in dict.fromkeys(types) if t != "integer" or "number" not in types)
    words = binding(schema)
    about = [kind for kind, keywords in OF_TYPE.items() if words and words <= keywords]
    return tuple(about[:1])


def refuse_others(schema: Schema, known: set[str] | frozenset[str]) -> None:
    """Let a schema pass whose keywords are all known.

    Raises:
        InvalidRequestError: one is not, and it is named.
    """
    if unknown := sorted(binding(schema) - known):
        raise InvalidRequestError(
            f"No model can be held to the keyword {unknown[0]!r} where it stands in the schema; "
            "take it away."
        )


def list_of(schema: Schema, keyword: str) -> list[Any]:
    """Return the list that a keyword gives, an empty one where there is none.

    Raises:
        InvalidRequestError: it gives something else.
    """
    told = schema.get(keyword, [])
    if not isinstance(told, list):
        raise InvalidRequestError(f"The schema's {keyword} is no list; mend it.")
    return cast("list[Any]", told)


def object_of(schema: Schema, keyword: str) -> dict[str, Any]:
    """Return the object that a keyword gives, an empty one where there is none.

    Raises:
        InvalidRequestError: it gives something else.
    """
    told = schema.get(keyword, {})
    if not isinstance(told, dict):
        raise InvalidRequestError(f"The schema's {keyword} is no object; mend it.")
    return cast("dict[str, Any]", told)


def names_of(schema: Schema, keyword: str) -> set[str]:
    """Return the names that a keyword lists.

    Raises:
        InvalidRequestError: it gives something else.
    """
    names = list_of(schema, keyword)
    if not all(isinstance(name, str) for name in names):
        raise InvalidRequestError(f"The schema's {keyword} is no list of names; mend it.")
    return set(names)


_TYPE_OF = {
    type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string",
    list: "array", dict: "object",
}  # fmt: skip


def type_of(value: Any) -> str:
    """Return the narrowest type of a JSON value."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPE_OF[type(value)]


def widened(types: tuple[str, ...]) -> set[str]:
    """Return types with those they hold: each integer is a number."""
    return {*types} | ({"integer"} if "number" in types else set())


def constants(schema: Schema) -> list[Any] | None:
    """Return the values that `const` or `enum` leaves, where there is either.

    Raises:
        InvalidRequestError: `enum` is no list, or leaves nothing.
    """
    if "const" not in schema and "enum" not in schema:
        return None
    values = [schema["const"]] if "const" in schema else list_of(schema, "enum")
    if "type" in schema:
        kept = widened(types_of(schema))
        values = [value for value in values if type_of(value) in kept]
    if not values:
        raise InvalidRequestError("The schema's enum leaves no value; give it one of its type.")
    return values
