"""Between the tensors of the protocol and numpy's arrays: pure, and little-endian on any machine.

numpy has no `BF16`: such a tensor is carried as the `uint16` of its bits. `BYTES` are arrays of
`bytes` objects, in both directions; text among them is written as UTF-8.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from modelnet.core.error import EngineError, InvalidRequestError, SettingsError
from modelnet.core.tensor import ANY, Datatype, Tensor, TensorSpec, byte_strings, byte_tensor

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Arrays: TypeAlias = Mapping[str, Array]
"""Arrays by the name of their tensor."""

_FORMATS: dict[Datatype, str] = {
    "BOOL": "|b1", "UINT8": "|u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "|i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "BF16": "<u2", "FP32": "<f4", "FP64": "<f8", "BYTES": "|O",
}  # fmt: skip
_DATATYPES: dict[str, Datatype] = {
    form[1:]: datatype for datatype, form in _FORMATS.items() if datatype != "BF16"
}
_TEXT_KINDS = frozenset("SU")


def dtype_of(datatype: Datatype) -> "np.dtype[Any]":
    """Return the dtype that holds a datatype, little-endian."""
    import numpy as np

    return np.dtype(_FORMATS[datatype])


def datatype_of(dtype: Any) -> Datatype:
    """Return the datatype that holds a dtype.

    Raises:
        SettingsError: the protocol has none for it.
    """
    import numpy as np

    known: np.dtype[Any] = np.dtype(dtype)
    if known.kind in _TEXT_KINDS:
        return "BYTES"
    if (datatype := _DATATYPES.get(known.str[1:])) is None:
        raise SettingsError(f"No tensor holds numbers of the type {known}; use float64 or int64.")
    return datatype


def array_of(tensor: Tensor) -> Array:
    """Return a checked tensor as an array of its shape; numbers are a view that cannot be written.

    Raises:
        InvalidRequestError: a string of a `BYTES` tensor leads beyond its data.
    """
    import numpy as np

    if tensor.datatype == "BYTES":
        return _objects(byte_strings(tensor)).reshape(tensor.shape)
    return np.frombuffer(tensor.data, dtype_of(tensor.datatype)).reshape(tensor.shape)


def tensor_of(spec: TensorSpec, array: Any) -> Tensor:
    """Return an array, or what numpy makes one of, as the tensor that a spec announces.

    Raises:
        EngineError: the array is of another kind of numbers, or of another shape.
    """
    import numpy as np

    found: Array = np.asarray(array, dtype=object if spec.datatype == "BYTES" else None)
    if len(found.shape) != len(spec.shape) or not all(
        due in (ANY, size) for due, size in zip(spec.shape, found.shape, strict=True)
    ):
        raise _unlike(spec, f"the shape {list(found.shape)}, which is not {list(spec.shape)}")
    if spec.datatype == "BYTES":
        return byte_tensor(spec.name, [_bytes(spec, one) for one in found.ravel()], found.shape)
    wanted = dtype_of(spec.datatype)
    if found.dtype != wanted:
        if not np.can_cast(found.dtype, wanted, casting="same_kind"):
            raise _unlike(spec, f"{found.dtype} where {spec.datatype} is announced")
        found = found.astype(wanted)
    return Tensor(spec.name, spec.datatype, found.shape, found.tobytes())


def tensor_from(name: str, value: Any) -> Tensor:
    """Return an array, or what numpy makes one of, as a tensor of its own type and shape.

    Raises:
        InvalidRequestError: no tensor holds its type.
    """
    import numpy as np

    found: Array = np.asarray(value)
    if found.dtype.kind in _TEXT_KINDS:
        found = np.asarray(value, dtype=object)  # Not as numpy's text, which loses zeros.
    try:
        spec = TensorSpec(name, datatype_of(found.dtype), found.shape)
        return tensor_of(spec, found)
    except (SettingsError, EngineError) as error:
        raise InvalidRequestError(f"{name!r} makes no tensor: {error.message}") from error


def _objects(strings: list[bytes]) -> Array:
    import numpy as np

    # Not `np.array(strings)`: that makes fixed-size strings, which lose zeros at their end.
    made = np.empty(len(strings), object)
    made[:] = strings
    return made


def _bytes(spec: TensorSpec, item: object) -> bytes:
    match item:
        case bytes() | bytearray() | memoryview():
            return bytes(cast("bytes", item))
        case str():
            return item.encode()
        case _:
            raise _unlike(spec, f"{type(item).__name__} where text or bytes are announced")


def _unlike(spec: TensorSpec, what: str) -> EngineError:
    return EngineError(f"The model answered {spec.name!r} with {what}; mend it or ask another.")
