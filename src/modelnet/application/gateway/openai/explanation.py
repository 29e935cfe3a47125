"""Turns what the decoder says of a bad body into one sentence for a person. Pure."""

import re

import msgspec

from modelnet.core.error import InvalidRequestError, RequestError, UnsupportedError

_MAX_LENGTH = 300

_PLACED = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<path>.*)`$", re.DOTALL)
_WRONG_TYPE = re.compile(r"^Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)`$")
_LENGTH = re.compile(r"^Expected `(?P<kind>array|str)` of length (?P<order>[<>]=?) (?P<bound>\d+)$")
_RANGE = re.compile(r"^Expected `(?:int|float)` (?P<order>[<>]=?) (?P<bound>\S+)$")
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]+)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]+)`$")
_NOT_ALLOWED = re.compile(r"^Invalid (?:enum )?value (?P<value>.+)$", re.DOTALL)
_PART_TYPE = re.compile(r"content\[\d+\]\.type$")

_NOUNS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "array": "a list",
    "object": "an object",
    "bool": "true or false",
    "null": "null",
}
_ORDERS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_UNITS = {"array": "item(s)", "str": "character(s)"}


def explain(error: msgspec.DecodeError | UnicodeDecodeError) -> RequestError:
    """Return the error to tell the client, with `param` where one field is at fault."""
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequestError("The body is not UTF-8; encode it as UTF-8.")
    if not isinstance(error, msgspec.ValidationError):
        return InvalidRequestError(_malformed(str(error)))
    placed = _PLACED.match(str(error))
    what, path = (placed["what"], placed["path"]) if placed else (str(error), "")
    if _PART_TYPE.search(path) and (value := _NOT_ALLOWED.match(what)):
        return UnsupportedError(
            f"A part of type {value['value'][:_MAX_LENGTH]} cannot be read; send `text` or "
            "`image_url`.",
            param=path,
        )
    missing = _MISSING.match(what)
    if missing:
        path = f"{path}.{missing['field']}" if path else missing["field"]
        return InvalidRequestError(f"`{path}` is missing.", param=path)
    if unknown := _UNKNOWN.match(what):
        path = f"{path}.{unknown['field'][:_MAX_LENGTH]}" if path else unknown["field"]
        return InvalidRequestError(
            f"`{path}` is not known; mend its name or leave it out.", param=path
        )
    subject = f"`{path}`" if path else "The body"
    return InvalidRequestError(f"{subject} {_fault(what)}."[:_MAX_LENGTH], param=path or None)


def _malformed(said: str) -> str:
    detail = said.removeprefix("JSON is malformed: ").replace(" (byte ", " at byte ").rstrip(")")
    if detail == "Input data was truncated":
        detail = "it ends too early"
    return f"The body is not valid JSON: {detail}."


def _fault(what: str) -> str:
    if found := _WRONG_TYPE.match(what):
        return f"must be {_alternatives(found['wanted'])}, not {_alternatives(found['given'])}"
    if found := _LENGTH.match(what):
        return f"must hold {_ORDERS[found['order']]} {found['bound']} {_UNITS[found['kind']]}"
    if found := _RANGE.match(what):
        return f"must be {_ORDERS[found['order']]} {found['bound'].removesuffix('.0')}"
    if found := _NOT_ALLOWED.match(what):
        return f"may not be {found['value']}"
    return f"makes no sense: {what[:1].lower()}{what[1:]}"


def _alternatives(types: str) -> str:
    names = [name for name in types.split(" | ") if name != "null"] or ["null"]
    return " or ".join(_NOUNS.get(name, name) for name in names)
