"""Engines of numbers: a few rows in, a few rows out."""

from array import array
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from modelnet.application.demo.process import Fleet, NodeSpec
from modelnet.core.request import Infer
from modelnet.core.tensor import Datatype, Tensor, TensorSpec
from modelnet.resource.backend.typed import typed_model
from modelnet.resource.oip.body import LENGTH_HEADER, RequestBody, write
from modelnet.testbed.bench.engine.contestant import Contestant, started
from modelnet.testbed.bench.engine.direct import http_lane, http_request
from modelnet.testbed.bench.engine.measure import MOST_AT_ONCE, Pair

ROWS, WIDTH, HIDDEN = 4, 8, 64
_SPEC = TensorSpec("x", "FP32", (-1, WIDTH))


@typed_model(inputs=[_SPEC], outputs=[TensorSpec("y", "FP32", (-1, WIDTH))], parallel=MOST_AT_ONCE)
def same(x: Any) -> Any:
    """Return the rows as they are."""
    return x


def _rows(name: str = "x", datatype: Datatype = "FP32", outputs: tuple[str, ...] = ()) -> Infer:
    numbers = array("f" if datatype == "FP32" else "d", (0.5 * i for i in range(ROWS * WIDTH)))
    return Infer((Tensor(name, datatype, (ROWS, WIDTH), numbers.tobytes()),), outputs)


def _array(request: Infer) -> Any:
    import numpy as np

    kind = {"FP32": "<f4", "FP64": "<f8"}[request.inputs[0].datatype]
    return np.frombuffer(request.inputs[0].data, kind).reshape(ROWS, WIDTH)


@asynccontextmanager
async def typed(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """A Python function of an array."""
    request = _rows()
    rows = _array(request)
    async with started(f"python:{__name__}:same") as model:
        yield Pair(name="typed", model=model, request=request, call=lambda: same(rows))


@asynccontextmanager
async def onnx(_: Fleet, home: Path) -> AsyncGenerator[Pair]:
    """ONNX Runtime with a network of two layers."""
    import onnxruntime

    path = home / "two_layers.onnx"
    await anyio.to_thread.run_sync(_write_graph, path)
    library: Any = onnxruntime
    options = library.SessionOptions()
    options.intra_op_num_threads = 1
    session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    request = _rows()
    fed = {"x": _array(request)}
    async with started(f"onnx:{path}") as model:
        yield Pair(name="onnx", model=model, request=request, call=lambda: session.run(["y"], fed))


def _write_graph(path: Path) -> None:
    import numpy as np
    import onnx as library
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    sizes = {"w": (WIDTH, HIDDEN), "v": (HIDDEN, WIDTH)}
    weights = {name: rng.standard_normal(size).astype("f4") for name, size in sizes.items()}
    row = library.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "v"], ["y"]),
        ],
        "two_layers",
        [helper.make_tensor_value_info("x", row, ["n", WIDTH])],
        [helper.make_tensor_value_info("y", row, ["n", WIDTH])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    path.write_bytes(made.SerializeToString())


@asynccontextmanager
async def sklearn(_: Fleet, __: Path) -> AsyncGenerator[Pair]:
    """A logistic regression of scikit-learn."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from modelnet.resource.backend.sklearn import EstimatorModel

    rng = np.random.default_rng(0)
    table = rng.standard_normal((200, WIDTH))
    estimator: Any = LogisticRegression()
    estimator.fit(table, table.sum(axis=1) > 0)
    async with started(EstimatorModel(estimator, name="regression")) as model:
        request = _rows(model.card.inputs[0].name, "FP64", ("predict",))
        rows = _array(request)
        yield Pair(
            name="sklearn", model=model, request=request, call=lambda: estimator.predict(rows)
        )


@asynccontextmanager
async def oip(fleet: Fleet, _: Path) -> AsyncGenerator[Pair]:
    """A node of our own, asked in the words of the Open Inference Protocol."""
    spec = NodeSpec(name="oip", network="bench-engines", models=(f"python:{__name__}:same",))
    node = await fleet.start_node(spec)
    request = _rows()
    url = f"{node.base_url}/v2/models/same/infer"
    asked = RequestBody(parameters={"binary_data_output": True}, inputs=())
    body = write(asked, request.inputs, lambda _: True)
    headers = {LENGTH_HEADER: str(body.json_bytes), "Content-Type": "application/octet-stream"}
    raw = http_request(url, body.content, headers, is_json=False)
    async with started(f"oip:{node.base_url}#same") as model:
        yield Pair(name="oip", model=model, request=request, open_lane=lambda: http_lane(url, raw))


NUMERIC: dict[str, Contestant] = {
    "typed": Contestant(typed),
    "onnx": Contestant(onnx, ("onnxruntime", "onnx")),
    "sklearn": Contestant(sklearn, ("sklearn", "skops")),
    "oip": Contestant(oip),
}
