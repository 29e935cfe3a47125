"""What a schema's references mean, and whether one value may fulfil two schemas."""

import json
from typing import Any, cast
from urllib.parse import unquote

from modelnet.core.error import InvalidRequestError
from modelnet.resource.backend.grammar.keyword import (
    Schema,
    constants,
    names_of,
    object_of,
    type_of,
    types_of,
    widened,
)

_MAX_STEPS = 8
"""References that are followed to tell two schemas apart."""


def resolve(root: Any, reference: Any) -> Any:
    """Return the schema that a `$ref` means.

    Raises:
        InvalidRequestError: it is none within the same schema.
    """
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise InvalidRequestError(
            f"The schema's $ref {reference!r} is none that begins with #/; copy what it means."
        )
    found = root
    for step in unquote(reference).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        match found:
            case dict() if key in found:
                found = cast("Schema", found)[key]
            case list() if key in _indices(cast("list[Any]", found)):
                found = cast("list[Any]", found)[int(key)]
            case _:
                raise InvalidRequestError(
                    f"The schema's $ref {reference!r} means nothing; mend it."
                )
    return found


def _indices(values: list[Any]) -> set[str]:
    return {str(index) for index in range(len(values))}


def are_disjoint(root: Any, one: Any, other: Any) -> bool:
    """Whether it is plain to see that no value fulfils both schemas."""
    if one is False or other is False:
        return True
    one, other = _followed(root, one), _followed(root, other)
    if one is None or other is None:
        return False
    return _differ(one, other) or (
        _types(one) == _types(other) == ("object",) and _differ_in_a_property(root, one, other)
    )


def _differ(one: Schema, other: Schema) -> bool:
    """Whether two schemas have no type or no constant in common."""
    values, others = constants(one), constants(other)
    if values is not None and others is not None:
        return not {*map(_canonical, values)} & {*map(_canonical, others)}
    types, other_types = widened(_types(one)), widened(_types(other))
    return bool(types and other_types) and not types & other_types


def _differ_in_a_property(root: Any, one: Schema, other: Schema) -> bool:
    for key in _always(one) & _always(other):
        ours, theirs = (_followed(root, schema["properties"][key]) for schema in (one, other))
        if ours is not None and theirs is not None and _differ(ours, theirs):
            return True
    return False


def _always(schema: Schema) -> set[str]:
    """Return the properties that are described, and in each value."""
    return names_of(schema, "required") & object_of(schema, "properties").keys()


def _followed(root: Any, schema: Any) -> Schema | None:
    """Return a schema that says something itself, if its references soon lead to one."""
    for _ in range(_MAX_STEPS):
        if not isinstance(schema, dict):
            return None
        if "$ref" not in schema:
            return cast("Schema", schema)
        schema = resolve(root, schema["$ref"])
    return None


def _types(schema: Schema) -> tuple[str, ...]:
    values = constants(schema)
    if values is not None:
        return tuple(dict.fromkeys(map(type_of, values)))
    # What the keywords of a schema without a type are about does not bind other types.
    return types_of(schema) if "type" in schema else ()


def _canonical(value: Any) -> str:
    """Return a text that equal JSON values share."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_plain(item) for item in cast("list[Any]", value)]
        case dict():
            return {key: _plain(item) for key, item in cast("Schema", value).items()}
        case _:
            return value
