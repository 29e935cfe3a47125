"""Any graph: every type of tensor, real concurrency, and what becomes of broken files."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from modelnet.core.error import EngineError, InvalidRequestError, ModelFileError, SettingsError
from modelnet.core.tensor import ITEM_BYTES, Tensor, byte_tensor
from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.onnx.session import Session
from modelnet.resource.backend.typed.array import array_of, tensor_of
from tests.conformance.tiny_onnx import FEATURES, FOREVER, value, write_tiny_onnx

KINDS = {
    "BOOL": TensorProto.BOOL, "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32, "UINT64": TensorProto.UINT64, "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16, "INT32": TensorProto.INT32, "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16, "BF16": TensorProto.BFLOAT16, "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE, "BYTES": TensorProto.STRING,
}  # fmt: skip


def save(path, nodes, inputs, outputs):
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(made, path)
    return Session(path, threads=1)


def echo(path, kind, *shape):
    node = helper.make_node("Identity", ["x"], ["y"])
    return save(path, [node], [value("x", kind, *shape)], [value("y", kind, *shape)])


@pytest.mark.parametrize("datatype", KINDS)
def test_tensors_of_every_type_go_in_and_come_out(tmp_path, datatype):
    session = echo(tmp_path / "echo.onnx", KINDS[datatype], "n")
    assert session.inputs[0].datatype == datatype
    if datatype == "BYTES":
        tensor = byte_tensor("x", ["é".encode(), b""])
    else:
        tensor = Tensor("x", datatype, (2,), bytes([1, 0] * ITEM_BYTES[datatype]))
    (answer,) = session.run({"x": array_of(tensor)}, ["y"], Abandonment()).values()
    assert tensor_of(session.outputs[0], answer).data == tensor.data


def test_dimensions_with_names_or_none_are_of_any_size(tmp_path):
    session = echo(tmp_path / "echo.onnx", TensorProto.FLOAT, "rows", None, 3)
    assert session.inputs[0].shape == (-1, -1, 3)
    assert session.outputs[0].name == "y"


def test_strings_that_are_no_text_are_refused(tmp_path):
    session = echo(tmp_path / "echo.onnx", TensorProto.STRING, "n")
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        session.run({"x": np.array([b"\xff"], object)}, ["y"], Abandonment())


def test_what_the_graph_refuses_is_the_askers_fault_and_what_fails_is_its_own(tmp_path, capfd):
    nodes = [helper.make_node("Gather", ["x", "at"], ["y"])]
    inputs = [value("x", TensorProto.FLOAT, "n"), value("at", TensorProto.INT64, "m")]
    session = save(tmp_path / "g.onnx", nodes, inputs, [value("y", TensorProto.FLOAT, "m")])
    with pytest.raises(InvalidRequestError, match="out of data bounds"):
        session.run({"x": np.ones(2, "f4"), "at": np.array([9])}, ["y"], Abandonment())
    reshape = [helper.make_node("Reshape", ["x", "at"], ["y"])]
    session = save(tmp_path / "r.onnx", reshape, inputs, [value("y", TensorProto.FLOAT, "m")])
    with pytest.raises(EngineError, match="ONNX Runtime failed"):
        session.run({"x": np.ones(3, "f4"), "at": np.array([2])}, ["y"], Abandonment())
    assert capfd.readouterr() == ("", "")


def test_an_abandoned_run_ends(tmp_path):
    session = Session(write_tiny_onnx(tmp_path / "rows.onnx"), threads=1)
    abandonment = Abandonment()
    slow = {"x": np.full((1, FEATURES), FOREVER, "f4")}
    timer = threading.Timer(0.05, abandonment.set)
    timer.start()
    with pytest.raises(EngineError, match="terminate"):
        session.run(slow, ["y"], abandonment)
    timer.join()


def test_threads_run_side_by_side(tmp_path):
    session = Session(write_tiny_onnx(tmp_path / "rows.onnx"), threads=1)
    abandonments = [Abandonment(), Abandonment()]
    slow = {"x": np.full((1, FEATURES), FOREVER, "f4")}
    with ThreadPoolExecutor(3) as threads:
        hang = [threads.submit(session.run, slow, ["y"], one) for one in abandonments]
        quick = threads.submit(
            session.run, {"x": np.zeros((1, FEATURES), "f4")}, ["y"], Abandonment()
        )
        assert quick.result(10)["y"].shape == (1, 2)
        assert not any(one.done() for one in hang)
        for one in abandonments:
            one.set()
        assert all(isinstance(one.exception(10), EngineError) for one in hang)


def test_what_the_maker_wrote_is_read(tmp_path):
    session = Session(write_tiny_onnx(tmp_path / "rows.onnx"), threads=1)
    assert session.metadata["license"] == "Apache-2.0"


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, b"\x08\x0a"], ids=len)
def test_broken_files_are_refused(tmp_path, content, capfd):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"broken\.onnx"):
        Session(path, threads=1)
    assert capfd.readouterr() == ("", "")


def test_a_file_cut_short_or_with_names_that_are_no_text_is_refused(tmp_path):
    path = write_tiny_onnx(tmp_path / "rows.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileError):
        Session(path, threads=1)
    path.write_bytes(whole.replace(b"rows", b"r\xffws"))
    with pytest.raises(ModelFileError):
        Session(path, threads=1)


def test_a_missing_runtime_is_told_with_what_installs_it(tmp_path, monkeypatch):
    path = write_tiny_onnx(tmp_path / "rows.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match=r"pip install .*onnx"):
        Session(path, threads=1)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(ModelFileError):
            Session(path, threads=1)


def test_an_output_that_is_no_tensor_is_left_out_and_an_input_refused(tmp_path):
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["n"])
    x, y = value("x", TensorProto.FLOAT, "n"), value("y", TensorProto.FLOAT, "n")
    make = helper.make_node("SequenceConstruct", ["x"], ["s"])
    same = helper.make_node("Identity", ["x"], ["y"])
    session = save(tmp_path / "out.onnx", [make, same], [x], [sequence, y])
    assert [one.name for one in session.outputs] == ["y"]
    with pytest.raises(ModelFileError, match="no tensors"):
        save(tmp_path / "only.onnx", [make], [x], [sequence])
    take = helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)
    with pytest.raises(ModelFileError, match="'s' as seq"):
        save(tmp_path / "in.onnx", [take], [sequence], [y])
