"""Reading the weights of MiniLM out of the kinds of files that packages bring them in. Pure."""

from collections.abc import Generator
from typing import Any

import msgspec

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.typed.array import Array, Arrays
from modelnet.resource.encoder.protobuf import fields

PROJECTIONS = (
    "attention.self.query", "attention.self.key", "attention.self.value",
    "attention.output.dense", "intermediate.dense", "output.dense",
)  # fmt: skip
"""The matrices of a layer, in the order of their use."""

_SIZE_BYTES = 8
_PREFIX = "inner."
_PACKED, _SCALE = "_q", "_scale"


def read_safetensors(data: memoryview) -> Arrays:
    """Return the float32 arrays of a safetensors file: a size, a header in JSON, the arrays.

    https://huggingface.co/docs/safetensors

    Raises:
        ModelFileError: it is none.
    """
    import numpy as np

    begin = _SIZE_BYTES + int.from_bytes(data[:_SIZE_BYTES], "little")
    try:
        header: dict[str, Any] = msgspec.json.decode(data[_SIZE_BYTES:begin])
        told = {name: one for name, one in header.items() if one.get("dtype") == "F32"}
        return {
            name: np.frombuffer(data[begin:][slice(*one["data_offsets"])], "<f4").reshape(
                one["shape"]
            )
            for name, one in told.items()
        }
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(
            f"These bytes are no safetensors ({error}); check the file."
        ) from error


def read_int8_graph(data: memoryview) -> Arrays:
    """Return the arrays of an exported graph whose matrices are int8 with a scale a row or column.

    The exporter kept all names but those of the matrices in the layers: these come in the order of
    their use, as `(inputs, outputs)`, and are returned as `(outputs, inputs)`.

    Raises:
        ModelFileError: it is none such.
    """
    constants = dict(_constants(data))
    kept = {
        name.removeprefix(_PREFIX): array
        for name, array in constants.items()
        if name.startswith(_PREFIX) and not name.endswith((_PACKED, _SCALE))
    }
    matrices: list[Array] = []
    for name in constants:
        stem = name.removesuffix(_PACKED)
        if stem == name:
            continue
        array = _widened(constants, stem)
        if stem.startswith(_PREFIX):
            kept[stem.removeprefix(_PREFIX)] = array
        else:
            matrices.append(array.T)
    return kept | dict(zip(_matrix_names(len(matrices)), matrices, strict=True))


def _matrix_names(count: int) -> list[str]:
    layers, rest = divmod(count, len(PROJECTIONS))
    if rest:
        raise ModelFileError(f"The graph has {count} matrices, which no layers hold.")
    return [f"encoder.layer.{n}.{one}.weight" for n in range(layers) for one in PROJECTIONS]


def _widened(constants: Arrays, stem: str) -> Array:
    try:
        return constants[stem + _PACKED] * constants[stem + _SCALE]
    except KeyError as error:
        raise ModelFileError(f"The graph has no scale for {stem!r}; check the file.") from error


# Numbers of fields and types, as `onnx.proto` of https://github.com/onnx/onnx has them.
_GRAPH, _CONSTANT = 7, 5
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_FORMATS = {1: "<f4", 3: "|i1"}


def _constants(model: memoryview) -> Generator[tuple[str, Array]]:
    """Return those constants of a graph that are float32 or int8, in order."""
    import numpy as np

    for graph in _inner(model, _GRAPH):
        for constant in _inner(graph, _CONSTANT):
            told: list[tuple[int, Any]] = [*fields(constant)]
            one: dict[int, Any] = dict(told)
            form = _FORMATS.get(one.get(_TYPE, 0))
            if form is None or _RAW not in one:
                continue
            shape = [value for number, value in told if number == _DIMS]
            try:
                array = np.frombuffer(one[_RAW], form).reshape(shape)
                yield bytes(one[_NAME]).decode(), array
            except (ValueError, TypeError, KeyError) as error:
                raise ModelFileError(f"A constant is corrupt ({error}); check the file.") from error


def _inner(data: memoryview, number: int) -> Generator[memoryview]:
    """Return the messages under a number of a message."""
    for found, value in fields(data):
        if found == number and isinstance(value, memoryview):
            yield value
