"""What a client's inference asks for: a body in, our request out. Pure.

What cannot be honoured is refused. Two hints change no answer and are let pass: `priority`, since
no queue here has any, and the `content_type` by which Python servers choose among their codecs.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Infer
from modelnet.resource.oip.body import Parameters, RequestBody, read

_MAX_TIMEOUT_S = 3600.0
_OF_REQUEST = frozenset({"binary_data_output", "timeout", "priority", "content_type", "headers"})
_OF_INPUT = frozenset({"binary_data_size", "content_type"})
_OF_OUTPUT = frozenset({"binary_data", "content_type"})


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """An inference as it was asked for."""

    infer: Infer
    id: str
    timeout_s: float | None
    binary: Mapping[str, bool]
    """Of the outputs that were named: whether each is wanted as binary data."""
    is_binary: bool
    """Whether the others are."""

    def wants_binary(self, output: str) -> bool:
        """Whether an output is wanted as binary data."""
        return self.binary.get(output, self.is_binary)


def inference_of(content: bytes, json_length: str | None) -> Inference:
    """Return what a body asks for.

    Raises:
        InvalidRequestError: it is not an inference.
        UnsupportedError: it asks for something that no model here does.
    """
    body, tensors = read(RequestBody, content, json_length)
    if not tensors:
        raise InvalidRequestError("`inputs` is empty; send at least one tensor.", param="inputs")
    parameters = _known(body.parameters, _OF_REQUEST, "the request")
    for written in body.inputs:
        _known(written.parameters, _OF_INPUT, f"the input {written.name!r}")
    is_binary = _truth(parameters, "binary_data_output", default=False)
    binary = {
        wanted.name: _truth(
            _known(wanted.parameters, _OF_OUTPUT, f"the output {wanted.name!r}"),
            "binary_data",
            default=is_binary,
        )
        for wanted in body.outputs or ()
    }
    return Inference(
        infer=Infer(tensors, tuple(binary)),
        id=body.id or "",
        timeout_s=_timeout_s(parameters),
        binary=binary,
        is_binary=is_binary,
    )


def _known(parameters: Parameters | None, known: frozenset[str], place: str) -> Parameters:
    for name, value in (parameters or {}).items():
        if name not in known and value:
            raise UnsupportedError(
                f"The parameter {name[:100]!r} of {place} is not supported; leave it out.",
                param=name,
            )
    return parameters or {}


def _truth(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequestError(f"The parameter {name!r} must be true or false.", param=name)
    return value


def _timeout_s(parameters: Mapping[str, Any]) -> float | None:
    """Return the time for the whole answer; clients count it in microseconds."""
    value = parameters.get("timeout") or None
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise InvalidRequestError(
            "The parameter 'timeout' must be a number of microseconds.", param="timeout"
        )
    return min(value / 1e6, _MAX_TIMEOUT_S)
