"""Annotations say which tensors a function takes and gives."""

from typing import Annotated

import numpy as np
import pytest
from numpy.typing import NDArray

from modelnet.core.error import InvalidRequestError, SettingsError
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.typed.array import array_of, tensor_from
from modelnet.resource.backend.typed.signature import signature_of

X = TensorSpec("x", "FP32", (-1, 3))
Y = TensorSpec("y", "INT64", (-1,))
Image = Annotated[NDArray[np.uint8], (-1, -1, 3)]


def house(
    area: float, rooms: int, is_new: bool, town: str, photo: bytes, scale: float = 2
) -> float:
    return area * rooms * scale


def labels(texts: list[str], counts: list[int], image: Image) -> list[bytes]:
    return [text.encode() for text in texts]


def handed(function, *values):
    arrays = [array_of(tensor_from("x", value)) for value in values]
    return [hand(one) for hand, one in zip(signature_of(function).hands, arrays, strict=True)]


def test_plain_types_are_tensors_of_one_value_and_defaults_are_no_inputs():
    signature = signature_of(house)
    told = [(spec.name, spec.datatype, spec.shape) for spec in signature.inputs]
    assert told == [
        ("area", "FP64", ()),
        ("rooms", "INT64", ()),
        ("is_new", "BOOL", ()),
        ("town", "BYTES", ()),
        ("photo", "BYTES", ()),
    ]
    assert signature.outputs == (TensorSpec("output", "FP64", ()),)


def test_lists_and_arrays_have_shapes():
    signature = signature_of(labels)
    assert [(spec.datatype, spec.shape) for spec in signature.inputs] == [
        ("BYTES", (-1,)),
        ("INT64", (-1,)),
        ("UINT8", (-1, -1, 3)),
    ]
    assert signature.outputs == (TensorSpec("output", "BYTES", (-1,)),)


def test_a_function_is_handed_what_it_is_annotated_with():
    assert handed(house, 1.5, 2, True, "Rome", b"\xff\0") == [1.5, 2, True, "Rome", b"\xff\0"]
    assert handed(labels, ["a", "é"], [1], np.zeros((1, 1, 3), "u1"))[:2] == [["a", "é"], [1]]


def test_an_array_handed_over_is_the_functions_own():
    (array,) = (
        hand(array_of(tensor_from("x", [[1.0]]))) for hand in signature_of(len, [X], [Y]).hands
    )
    array[0] = 2.0
    assert array.tolist() == [[2.0]]


def test_text_that_is_none_is_refused():
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        handed(house, 1.0, 1, False, b"\xff", b"")


def test_specs_that_are_given_go_before_annotations():
    assert signature_of(house, [X], [Y])[:2] == ((X,), (Y,))
    assert signature_of(house, outputs=[Y]).outputs == (Y,)


def test_an_object_that_can_be_called_is_read_too():
    class Doubler:
        def __call__(self, x: float) -> float:
            return 2 * x

    assert signature_of(Doubler()).inputs == (TensorSpec("x", "FP64", ()),)


def no_annotation(x):
    return x


def no_shape(x: NDArray[np.float32]) -> float:
    return 0.0


def no_return(x: float):
    return x


def odd(x: "Unknown") -> float:  # noqa: F821
    return 0.0


def complex_one(x: complex) -> float:
    return 0.0


def wrong_shape(x: Annotated[NDArray[np.float32], 3]) -> float:
    return 0.0


def no_inputs() -> float:
    return 0.0


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (no_annotation, "'x'"),
        (no_shape, "'x'"),
        (no_return, "'return'"),
        (odd, "cannot be read"),
        (complex_one, "'x'"),
        (wrong_shape, "'x'"),
        (no_inputs, "no tensors"),
    ],
)
def test_annotations_that_tell_of_no_tensor_are_refused(function, named):
    with pytest.raises(SettingsError, match=named):
        signature_of(function)


def test_two_tensors_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="two of one name"):
        signature_of(len, [X, X], [Y])


def test_bf16_is_refused_as_numpy_has_it_not():
    with pytest.raises(SettingsError, match="BF16"):
        signature_of(len, [TensorSpec("x", "BF16", (-1,))], [Y])
