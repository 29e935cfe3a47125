"""The two kinds of files that weights come in."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from modelnet.core.error import ModelFileError
from modelnet.resource.encoder.graph import packed
from modelnet.resource.encoder.reading import read_int8_graph, read_safetensors
from tests.unit.resource.encoder.tiny import safetensors, tiny_weights


def exported(weights):
    """An export like that of the package: int8, and the layers' matrices without their names."""
    constants = {}
    for place, (name, array) in enumerate(weights.items()):
        integers, scales = packed(array, 127) if array.ndim == 2 else (array, None)
        if "_embeddings" in name and "token_type" not in name:
            constants |= {f"inner.{name}_q": integers, f"inner.{name}_scale": scales[:, None]}
        elif name.startswith("encoder") and scales is not None:
            constants |= {f"val_{place}_q": integers.T, f"val_{place}_scale": scales[None]}
        else:
            constants[f"inner.{name}"] = array
    constants |= {"inner.embeddings.position_ids": np.arange(512)[None], "val_1": np.array(3)}
    kept = [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph([], "exported", [], [], initializer=kept)
    return memoryview(helper.make_model(graph).SerializeToString())


def test_safetensors_come_back_as_they_were():
    weights = tiny_weights()
    read = read_safetensors(memoryview(safetensors(weights)))
    assert read.keys() == weights.keys()
    assert all(np.array_equal(read[name], weights[name]) for name in weights)


def test_an_int8_graph_comes_back_under_the_original_names_within_half_a_step():
    weights = tiny_weights()
    read = read_int8_graph(exported(weights))
    assert read.keys() == weights.keys()
    for name, array in weights.items():
        assert read[name].shape == array.shape
        assert np.abs(read[name] - array).max() <= 0.51 * np.abs(array).max() / 127


@pytest.mark.parametrize(
    "data", [b"", b"\x04" + bytes(7) + b"null", b"\xff" * 30, b"\x02" + bytes(7)]
)
def test_what_is_no_safetensors_is_refused(data):
    with pytest.raises(ModelFileError, match="no safetensors"):
        read_safetensors(memoryview(data))


def test_safetensors_cut_short_are_refused():
    with pytest.raises(ModelFileError):
        read_safetensors(memoryview(safetensors(tiny_weights(0))[:-4]))


def test_matrices_that_make_no_layers_are_refused():
    weights = tiny_weights()
    del weights["encoder.layer.0.output.dense.weight"]
    with pytest.raises(ModelFileError, match="11 matrices"):
        read_int8_graph(exported(weights))


def test_a_matrix_without_its_scale_is_refused():
    model = onnx.ModelProto.FromString(exported(tiny_weights()))
    named = next(one for one in model.graph.initializer if one.name.endswith("_scale"))
    named.name = "else"
    with pytest.raises(ModelFileError, match="no scale"):
        read_int8_graph(memoryview(model.SerializeToString()))


def test_a_constant_of_another_size_than_it_says_is_refused():
    model = onnx.ModelProto.FromString(exported(tiny_weights()))
    model.graph.initializer[0].dims[0] += 1
    with pytest.raises(ModelFileError, match="corrupt"):
        read_int8_graph(memoryview(model.SerializeToString()))
