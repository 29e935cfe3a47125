"""Tensors and arrays turn into each other and stay what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelnet.core.error import EngineError, InvalidRequestError, SettingsError
from modelnet.core.tensor import ITEM_BYTES, Tensor, TensorSpec, byte_tensor
from modelnet.resource.backend.typed.array import (
    array_of,
    datatype_of,
    dtype_of,
    tensor_from,
    tensor_of,
)

NUMBERS = sorted(set(ITEM_BYTES) - {"BF16"})


@pytest.mark.parametrize("datatype", NUMBERS)
@given(data=st.data())
def test_numbers_survive_the_way_there_and_back(datatype, data):
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    array = data.draw(arrays.arrays(dtype_of(datatype), shape))
    tensor = tensor_from("x", array)
    tensor.check()
    assert (tensor.datatype, tensor.shape) == (datatype, array.shape)
    assert len(tensor.data) == array.size * ITEM_BYTES[datatype]
    np.testing.assert_array_equal(array_of(tensor), array)


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_strings_of_bytes_survive_zeros_and_all(strings):
    tensor = byte_tensor("x", strings)
    array = array_of(tensor)
    assert array.tolist() == strings
    assert tensor_of(tensor.spec, array) == tensor


def test_bytes_of_a_list_keep_their_zeros():
    assert array_of(tensor_from("x", [b"a\0", b""])).tolist() == [b"a\0", b""]


def test_text_is_written_as_utf_8():
    assert array_of(tensor_from("x", ["é", "b"])).tolist() == ["é".encode(), b"b"]


def test_data_are_little_endian_whatever_the_array_is():
    array = np.array([1, 256], ">i4")
    assert tensor_from("x", array).data == bytes([1, 0, 0, 0, 0, 1, 0, 0])
    assert array_of(Tensor("x", "INT16", (1,), bytes([1, 2]))).tolist() == [0x0201]


def test_columns_are_written_row_by_row():
    array = np.asfortranarray([[1, 2], [3, 4]], "<f4")
    assert array_of(tensor_from("x", array)).tolist() == [[1, 2], [3, 4]]


def test_an_array_of_a_tensor_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        array_of(tensor_from("x", [1.0]))[0] = 2


def test_bf16_is_carried_as_its_bits():
    bits = np.array([0x3F80], "<u2")
    tensor = tensor_of(TensorSpec("x", "BF16", (-1,)), bits)
    assert tensor.datatype == "BF16"
    assert array_of(tensor).tolist() == [0x3F80]


@pytest.mark.parametrize(
    ("array", "named"),
    [
        ([[1.0]], "shape"),
        ([1.0, 2.0, 3.0], "shape"),
        ([1, 2], None),
        (["1", "2"], "FP32"),
        ([1j, 2j], "complex"),
        ([None, None], "object"),
    ],
)
def test_an_answer_is_cast_within_its_kind_and_otherwise_refused(array, named):
    spec = TensorSpec("y", "FP32", (2,))
    if named is None:
        assert tensor_of(spec, array).datatype == "FP32"
        return
    with pytest.raises(EngineError, match=named):
        tensor_of(spec, array)


def test_what_is_no_bytes_is_no_string():
    with pytest.raises(EngineError, match="float"):
        tensor_of(TensorSpec("y", "BYTES", (-1,)), [1.5])


def test_floats_are_never_cut_to_integers():
    with pytest.raises(EngineError, match="INT64"):
        tensor_of(TensorSpec("y", "INT64", (-1,)), [1.5])


@pytest.mark.parametrize("dtype", [np.complex128, "datetime64[s]"])
def test_a_type_that_no_tensor_holds_is_refused(dtype):
    with pytest.raises(SettingsError, match="No tensor holds"):
        datatype_of(dtype)
    with pytest.raises(InvalidRequestError, match="makes no tensor"):
        tensor_from("x", np.zeros(1, dtype))
