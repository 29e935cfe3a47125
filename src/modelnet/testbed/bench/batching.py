"""What batching is worth: requests a second of models that many ask at once.

A request is one row. Both ways are the same model, engine and threads; only whether requests share
a run differs. They are measured in turns, and the median of the turns is told.
"""

import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from modelnet.application.cli.loop import run
from modelnet.application.cli.output import Column, write, write_json, write_table
from modelnet.core.request import Infer
from modelnet.resource.backend.onnx import OnnxModel
from modelnet.resource.backend.sklearn import EstimatorModel
from modelnet.resource.backend.typed.array import tensor_from
from modelnet.resource.backend.typed.inference import MAX_ROWS
from modelnet.resource.model import Model
from modelnet.testbed.bench.network import machine_note

WIDTH, HIDDEN = 256, 1024
ASKERS = 64
_ANSWER_S = 60.0


class BatchingFigures(msgspec.Struct, frozen=True):
    """Requests a second of `ASKERS` at once."""

    apart_per_s: float
    batched_per_s: float

    @property
    def gain(self) -> float:
        """How many times more requests are answered in batches."""
        return self.batched_per_s / self.apart_per_s


def measure_batching(*, is_quick: bool, as_json: bool) -> None:
    """Measure, then print the figures."""
    turns, requests = (2, 256) if is_quick else (9, 2048)
    figures = run(lambda: _measure(turns, requests))
    if as_json:
        write_json({"batching": figures})
        return
    titles = ("model", "apart, requests/s", "batched, requests/s", "gain")
    write_table(
        [Column(title, is_number=title != "model") for title in titles],
        [
            (name, f"{one.apart_per_s:.0f}", f"{one.batched_per_s:.0f}", f"{one.gain:.1f}")
            for name, one in figures.items()
        ],
    )
    write(machine_note())


async def _measure(turns: int, requests: int) -> dict[str, BatchingFigures]:
    with tempfile.TemporaryDirectory(prefix="modelnet-bench-") as home:
        graph = Path(home) / "two_layers.onnx"
        await anyio.to_thread.run_sync(_write_graph, graph)
        estimator = await anyio.to_thread.run_sync(_estimator)
        makers: dict[str, Callable[[int], Model]] = {
            "onnx": lambda size: OnnxModel(graph, max_batch=size),
            "sklearn": lambda size: EstimatorModel(estimator, max_batch=size),
        }
        return {name: await _compare(make, turns, requests) for name, make in makers.items()}


async def _compare(make: Callable[[int], Model], turns: int, requests: int) -> BatchingFigures:
    told: dict[int, list[float]] = {1: [], MAX_ROWS: []}
    async with _started(make(1)) as apart, _started(make(MAX_ROWS)) as batched:
        for _ in range(turns):
            told[1].append(await _requests_per_s(apart, requests))
            told[MAX_ROWS].append(await _requests_per_s(batched, requests))
    return BatchingFigures(*(statistics.median(rates) for rates in told.values()))


async def _requests_per_s(model: Model, requests: int) -> float:
    import numpy as np

    spec = model.card.inputs[0]
    row = np.ones((1, WIDTH), "<f4" if spec.datatype == "FP32" else "<f8")
    request = Infer((tensor_from(spec.name, row),), (model.card.outputs[0].name,))

    async def ask() -> None:
        for _ in range(requests // ASKERS):
            deadline = time.time() + _ANSWER_S
            async with aclosing(model.run(request, deadline=deadline)) as chunks:
                async for _ in chunks:
                    pass

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(ASKERS):
            group.start_soon(ask)
    return requests / (time.perf_counter() - began)


@asynccontextmanager
async def _started(model: Model) -> AsyncGenerator[Model]:
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


def _write_graph(path: Path) -> None:
    """Write two layers of 256 x 1024 weights."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    library: Any = onnx
    rng = np.random.default_rng(0)
    sizes = {"w": (WIDTH, HIDDEN), "v": (HIDDEN, WIDTH)}
    weights = {name: rng.standard_normal(size).astype("f4") for name, size in sizes.items()}
    rows = [
        helper.make_tensor_value_info(name, library.TensorProto.FLOAT, ["n", WIDTH])
        for name in ("x", "y")
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["y"]),
    ]
    initializers = [numpy_helper.from_array(weight, name) for name, weight in weights.items()]
    graph = helper.make_graph(nodes, "two_layers", rows[:1], rows[1:], initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())


def _estimator() -> Any:
    """Return a fitted pipeline: numbers are scaled, then classified."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    table = np.random.default_rng(0).standard_normal((400, WIDTH))
    pipeline: Any = Pipeline([("scaled", StandardScaler()), ("label", LogisticRegression())])
    return pipeline.fit(table, table.sum(axis=1) > 0)
