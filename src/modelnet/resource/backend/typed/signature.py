"""Reading from a function's annotations which tensors it takes and gives.

    float int bool str bytes                        one value
    list[float] ... list[bytes]                     one dimension
    Annotated[NDArray[np.float32], (-1, 28, 28)]    an array, and its shape

A parameter that has a default keeps it: it is no input.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from modelnet.core.error import InvalidRequestError, SettingsError
from modelnet.core.tensor import ANY, Datatype, TensorSpec
from modelnet.resource.backend.typed.array import Array, datatype_of

ONLY_OUTPUT = "output"
"""The name of what a function returns, where its return annotation says what that is."""

Hand = Callable[[Array], Any]
"""Makes of an array what the function wants to be handed."""

_ITEMS: dict[Any, Datatype] = {
    float: "FP64", int: "INT64", bool: "BOOL", str: "BYTES", bytes: "BYTES",
}  # fmt: skip


class Signature(NamedTuple):
    """What a function takes, in the order of its parameters, and what it gives."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    hands: tuple[Hand, ...]


class _Annotation(NamedTuple):
    datatype: Datatype
    shape: tuple[int, ...]
    hand: Hand


def signature_of(
    function: Callable[..., Any],
    inputs: Sequence[TensorSpec] | None = None,
    outputs: Sequence[TensorSpec] | None = None,
) -> Signature:
    """Return the tensors of a function: those given, else those its annotations tell of.

    Raises:
        SettingsError: an annotation is missing, or does not tell which tensor is meant.
    """
    hints = {} if inputs is not None and outputs is not None else _hints(function)
    if inputs is None:
        taken = {name: _read(function, name, hints.get(name)) for name in _parameters(function)}
        hands = tuple(one.hand for one in taken.values())
        inputs = [TensorSpec(name, one.datatype, one.shape) for name, one in taken.items()]
    else:
        hands = (_own_array,) * len(inputs)
    if outputs is None:
        given = _read(function, "return", hints.get("return"))
        outputs = [TensorSpec(ONLY_OUTPUT, given.datatype, given.shape)]
    _refuse_unusable(function, (*inputs, *outputs))
    for specs in (inputs, outputs):
        if not specs or len({spec.name for spec in specs}) < len(specs):
            raise SettingsError(f"{_name(function)} has no tensors, or two of one name; mend that.")
    return Signature(tuple(inputs), tuple(outputs), hands)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    # An object that can be called is annotated where its class says how.
    annotated = function if inspect.isroutine(function) else type(function).__call__
    try:
        return get_type_hints(annotated, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"The annotations of {_name(function)} cannot be read ({error}); mend them, or give "
            "inputs and outputs."
        ) from error


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{_name(function)} tells no parameters; give its inputs.") from error
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _read(function: Callable[..., Any], name: str, annotation: Any) -> _Annotation:
    if annotation in _ITEMS:
        return _Annotation(_ITEMS[annotation], (), _one_text if annotation is str else _one)
    kind, arguments = get_origin(annotation), get_args(annotation)
    if kind is list and arguments[0] in _ITEMS:
        is_text = arguments[0] is str
        return _Annotation(_ITEMS[arguments[0]], (ANY,), _texts if is_text else _list)
    if kind is Annotated and (found := _read_array(arguments)) is not None:
        return found
    raise SettingsError(
        f"The annotation of {name!r} in {_name(function)} tells of no tensor: write float, int, "
        "bool, str, bytes, a list of them, or Annotated[NDArray[np.float32], (-1, 4)]."
    )


def _read_array(arguments: tuple[Any, ...]) -> _Annotation | None:
    array, shape = arguments[:2]
    types = get_args(array)
    dtypes = get_args(types[1]) if len(types) > 1 else ()
    if not dtypes or not isinstance(shape, tuple) or not isinstance(dtypes[0], type):
        return None
    return _Annotation(datatype_of(dtypes[0]), shape, _own_array)


def _refuse_unusable(function: Callable[..., Any], specs: Sequence[TensorSpec]) -> None:
    for spec in specs:
        if spec.datatype == "BF16":
            raise SettingsError(
                f"{_name(function)} is to hold {spec.name!r} as BF16, which numpy has not: "
                "use FP32."
            )


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _own_array(array: Array) -> Array:
    # The array is a view of the message; what a function is handed it may write to.
    return array.copy()


def _one(array: Array) -> Any:
    return array.item()


def _list(array: Array) -> Any:
    return array.tolist()


def _one_text(array: Array) -> str:
    return _decoded(array.item())


def _texts(array: Array) -> list[str]:
    return [_decoded(item) for item in array]


def _decoded(item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The text of a tensor is not UTF-8; encode it so.") from error
