"""The bodies of an inference: JSON, and after it the tensors that are binary. Pure.

Some clients and servers write `null` for what they leave out.

Binary tensors follow the JSON in the order in which it names them; the header
`Inference-Header-Content-Length` says where they begin.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from modelnet.core.error import InvalidRequestError
from modelnet.core.tensor import Datatype, Tensor
from modelnet.resource.oip.element import elements_of, tensor_from

LENGTH_HEADER = "Inference-Header-Content-Length"
BINARY = "binary_tensor_data"
"""What a server that takes binary tensors calls it among its extensions."""

MAX_DIMENSIONS = 32
MAX_TENSORS = 1024
MAX_JSON_BYTES = 16 * 1024 * 1024
"""Of the JSON of a body, and of the elements written in it: as objects they take far more."""

_SIZE = "binary_data_size"

Parameters: TypeAlias = dict[str, Any]
_Dimension: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Body(NamedTuple):
    """A body to send."""

    content: bytes
    json_bytes: int | None
    """How long the JSON before the binary tensors is; `None` where there is nothing else."""


class WrittenTensor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tensor as the JSON of a body has it."""

    name: _Name
    shape: Annotated[tuple[_Dimension, ...], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    datatype: Datatype
    parameters: Parameters | None = None
    data: msgspec.Raw = msgspec.Raw()


_Tensors: TypeAlias = Annotated[tuple[WrittenTensor, ...], msgspec.Meta(max_length=MAX_TENSORS)]


class WantedOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """An output that is asked for."""

    name: _Name
    parameters: Parameters | None = None


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`POST v2/models/{model}/infer`."""

    id: str | None = None
    parameters: Parameters | None = None
    inputs: _Tensors
    outputs: Annotated[tuple[WantedOutput, ...], msgspec.Meta(max_length=MAX_TENSORS)] | None = None


class ResponseBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What comes back."""

    model_name: str = ""
    model_version: str | None = None
    id: str | None = None
    parameters: Parameters | None = None
    outputs: _Tensors


B = TypeVar("B", RequestBody, ResponseBody)


def read(kind: type[B], content: bytes, json_length: str | None) -> tuple[B, tuple[Tensor, ...]]:
    """Return the JSON of a body and the tensors in it, checked.

    Args:
        kind: of the two bodies.
        content: all of it.
        json_length: the header that says how long the JSON is, where there is one.

    Raises:
        InvalidRequestError: it is not such a body, or not all of one.
    """
    json, tail = _cut(content, json_length)
    if len(json) > MAX_JSON_BYTES:
        raise InvalidRequestError(
            f"The JSON has more than {MAX_JSON_BYTES} bytes; use binary tensor data."
        )
    try:
        body = msgspec.json.decode(json, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"The inference cannot be read: {error}.") from None
    written = body.inputs if isinstance(body, RequestBody) else body.outputs
    return body, _tensors(written, tail)


def write(
    body: RequestBody | ResponseBody, tensors: Iterable[Tensor], is_binary: Callable[[str], bool]
) -> Body:
    """Return a body with these tensors; `is_binary` tells by their names which go as they are.

    Raises:
        InvalidRequestError: one that is to go as JSON cannot.
    """
    written: list[WrittenTensor] = []
    tail: list[bytes] = []
    room = MAX_JSON_BYTES
    for tensor in tensors:
        if is_binary(tensor.name):
            written.append(_described(tensor, parameters={_SIZE: len(tensor.data)}))
            tail.append(tensor.data)
        else:
            room -= len(tensor.data)
            if room < 0:
                raise InvalidRequestError(
                    f"The tensor {tensor.name!r} is too large for JSON; use binary tensor data."
                )
            data = msgspec.Raw(msgspec.json.encode(elements_of(tensor)))
            written.append(_described(tensor, data=data))
    field = "inputs" if isinstance(body, RequestBody) else "outputs"
    json = msgspec.json.encode(msgspec.structs.replace(body, **{field: tuple(written)}))
    return Body(b"".join((json, *tail)), len(json) if tail else None)


def _described(tensor: Tensor, **rest: Any) -> WrittenTensor:
    return WrittenTensor(name=tensor.name, shape=tensor.shape, datatype=tensor.datatype, **rest)


def _cut(content: bytes, json_length: str | None) -> tuple[bytes, memoryview]:
    if json_length is None:
        return content, memoryview(b"")
    if not (json_length.isascii() and json_length.isdigit() and len(json_length) < 20):
        raise InvalidRequestError(f"The header {LENGTH_HEADER} must be a number of bytes.")
    end = int(json_length)
    if end > len(content):
        raise InvalidRequestError(f"The header {LENGTH_HEADER} is larger than the whole body.")
    return content[:end], memoryview(content)[end:]


def _tensors(written: Sequence[WrittenTensor], tail: memoryview) -> tuple[Tensor, ...]:
    tensors: list[Tensor] = []
    for one in written:
        size = _binary_size(one)
        if size is None:
            tensors.append(tensor_from(one.name, one.datatype, one.shape, bytes(one.data)))
        else:
            if size > len(tail):
                raise InvalidRequestError(f"The body ends within the tensor {one.name!r}.")
            tensors.append(Tensor(one.name, one.datatype, one.shape, bytes(tail[:size])))
            tail = tail[size:]
        tensors[-1].check()
    if tail:
        raise InvalidRequestError(f"The body holds {len(tail)} bytes that belong to no tensor.")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise InvalidRequestError("Two tensors have one name.")
    return tuple(tensors)


def _binary_size(written: WrittenTensor) -> int | None:
    """Return how many bytes after the JSON are this tensor's; `None` where it is in the JSON."""
    has_data = bytes(written.data) not in {b"", b"null"}
    size = (written.parameters or {}).get(_SIZE)
    if size is None and has_data:
        return None
    if type(size) is not int or size < 0 or has_data:
        raise InvalidRequestError(
            f"The tensor {written.name!r} needs either `data`, or `{_SIZE}` in its `parameters`."
        )
    return size
