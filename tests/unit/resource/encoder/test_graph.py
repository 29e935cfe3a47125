"""The graph that is written, without an engine to run it."""

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from modelnet.resource.encoder.encoder import MAX_TOKENS
from modelnet.resource.encoder.graph import packed, write_graph
from tests.unit.resource.encoder.tiny import HIDDEN, LAYERS, tiny_weights


def read():
    return onnx.ModelProto.FromString(write_graph(tiny_weights()))


def test_it_is_a_sound_model_and_says_what_it_takes_and_gives():
    model = read()
    onnx.checker.check_model(model)
    (taken,), (given_,) = model.graph.input, model.graph.output
    assert (taken.name, taken.type.tensor_type.elem_type) == ("input_ids", onnx.TensorProto.INT64)
    assert given_.name == "sentence_embedding"
    assert given_.type.tensor_type.shape.dim[1].dim_value == HIDDEN
    assert {one.key: one.value for one in model.metadata_props} == {"license": "apache-2.0"}


def test_it_has_no_more_layers_and_places_than_it_needs():
    graph = read().graph
    assert sum(node.op_type == "MultiHeadAttention" for node in graph.node) == LAYERS
    constants = {one.name: [*one.dims] for one in graph.initializer}
    assert constants["places"] == [MAX_TOKENS, HIDDEN]


def test_weights_of_matrices_leave_room_for_sums_of_16_bits():
    for one in read().graph.initializer:
        if one.name.endswith(".integers"):
            largest = np.abs(numpy_helper.to_array(one).astype(int)).max()
            assert 2 * 255 * largest < 1 << 15
            assert largest == 63


def test_the_same_weights_make_the_same_file():
    assert write_graph(tiny_weights()) == write_graph(tiny_weights())


@given(
    arrays.arrays(
        np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
    ),
    st.sampled_from([63, 127]),
)
def test_packing_is_off_by_half_a_step_at_most(matrix, largest):
    integers, scales = packed(matrix, largest)
    assert np.abs(integers.astype(int)).max() <= largest
    wide = integers * scales[:, None].astype(float)
    assert (np.abs(wide - matrix) <= 0.501 * scales[:, None] + 1e-37).all()
