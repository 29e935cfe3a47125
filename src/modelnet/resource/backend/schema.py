"""The JSON schema that a `response_format` asks for."""

from typing import Any

import msgspec

from modelnet.core.error import UnsupportedError


class _JsonSchema(msgspec.Struct):
    schema: dict[str, Any]


class _Format(msgspec.Struct, tag_field="type", tag="json_schema"):
    json_schema: _JsonSchema


def schema_of(response_format: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in a `response_format` of the type `json_schema`.

    Raises:
        UnsupportedError: it is of another type.
    """
    try:
        return msgspec.convert(response_format, _Format).json_schema.schema
    except msgspec.ValidationError as error:
        raise UnsupportedError(
            "The response_format is none this model can be held to; use text or json_schema."
        ) from error
