"""Whether a value fulfils a JSON Schema, for the keywords that models are held to."""

import datetime as dt
import re
import uuid
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),), "boolean": (bool,), "number": (int, float), "string": (str,),
    "array": (list,), "object": (dict,),
}  # fmt: skip


def is_type(value: Any, kind: str) -> bool:
    if kind == "integer":
        return is_type(value, "number") and value == int(value)
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def is_equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 is 1.0 but not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    match one, other:
        case list(), list():
            return len(one) == len(other) and all(map(is_equal, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(is_equal(one[k], other[k]) for k in one)
        case _:
            return bool(one == other)


def has_format(text: str, form: str) -> bool:
    try:
        match form:
            case "date":
                dt.date.fromisoformat(text)
            case "time":
                dt.time.fromisoformat(text)
            case "date-time":
                dt.datetime.fromisoformat(text)
            case "uuid":
                uuid.UUID(text)
                return UUID.fullmatch(text) is not None
    except ValueError:
        return False
    return True


def resolve(root: Any, reference: str) -> Any:
    for step in reference.split("/")[1:]:
        root = root[int(step)] if isinstance(root, list) else root[step]
    return root


def accepts(schema: Any, value: Any, root: Any = None) -> bool:
    """Whether a schema accepts a value."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(keeps(schema, word, value, root) for word in schema)


def keeps(schema: dict[str, Any], word: str, value: Any, root: Any) -> bool:
    told = schema[word]
    match word:
        case "$ref":
            return accepts(resolve(root, told), value, root)
        case "type":
            return any(is_type(value, kind) for kind in ([told] if isinstance(told, str) else told))
        case "const" | "enum":
            return any(is_equal(one, value) for one in ([told] if word == "const" else told))
        case "anyOf" | "oneOf" | "allOf":
            count = sum(accepts(one, value, root) for one in told)
            return count in {"anyOf": range(1, count + 1), "oneOf": [1], "allOf": [len(told)]}[word]
        case _:
            return keeps_in_its_type(schema, word, value, root)


def keeps_in_its_type(schema: dict[str, Any], word: str, value: Any, root: Any) -> bool:
    if isinstance(value, dict):
        return keeps_in_object(schema, word, value, root)
    if isinstance(value, list):
        return keeps_in_array(schema, word, value, root)
    if isinstance(value, str):
        return keeps_in_string(word, schema[word], value)
    return not is_type(value, "number") or keeps_in_number(word, schema[word], value)


def keeps_in_object(schema: dict[str, Any], word: str, value: Any, root: Any) -> bool:
    told, known = schema[word], schema.get("properties", {})
    match word:
        case "properties":
            return all(accepts(told[key], value[key], root) for key in told if key in value)
        case "required":
            return all(key in value for key in told)
        case "additionalProperties":
            return all(accepts(told, value[key], root) for key in value if key not in known)
        case _:
            return True


def keeps_in_array(schema: dict[str, Any], word: str, value: Any, root: Any) -> bool:
    told = schema[word]
    match word:
        case "prefixItems":
            return all(accepts(one, item, root) for one, item in zip(told, value, strict=False))
        case "items":
            rest = value[len(schema.get("prefixItems", [])) :]
            return all(accepts(told, item, root) for item in rest)
        case "minItems":
            return len(value) >= told
        case "maxItems":
            return len(value) <= told
        case _:
            return True


def keeps_in_string(word: str, told: Any, value: str) -> bool:
    match word:
        case "minLength":
            return len(value) >= told
        case "maxLength":
            return len(value) <= told
        case "format":
            return has_format(value, told)
        case _:
            return True


def keeps_in_number(word: str, told: Any, value: float) -> bool:
    match word:
        case "minimum":
            return value >= told
        case "maximum":
            return value <= told
        case "exclusiveMinimum":
            return value > told
        case "exclusiveMaximum":
            return value < told
        case _:
            return True
