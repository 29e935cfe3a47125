"""Models of tensors and vectors, as the suites run them."""

import time
from pathlib import Path
from typing import Any

import anyio
import msgspec
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from modelnet.core.request import Embed, Infer
from modelnet.core.tensor import Tensor, TensorSpec
from modelnet.resource.backend.onnx import OnnxModel
from modelnet.resource.backend.sklearn import EstimatorModel
from modelnet.resource.backend.typed import TypedModel, typed_model
from tests.conformance.tiny_onnx import (
    FEATURES,
    FOREVER,
    SLOW_WORD,
    write_tiny_encoder,
    write_tiny_onnx,
)

SLOW_ROWS = 1 << 20


def numbers(name: str, array: Any, dtype: str = "<f4") -> Tensor:
    """Return an array as a tensor."""
    made = np.asarray(array, dtype)
    datatype = {"<f4": "FP32", "<f8": "FP64", "<i8": "INT64"}[dtype]
    return Tensor(name, datatype, made.shape, made.tobytes())


def infer_rows(*rows: list[float]) -> Infer:
    """Return what the graph of rows and the typed function answer."""
    return Infer((numbers("x", rows),))


INFER_ROWS = infer_rows([1.0, 2.0, 3.0], [-1.0, 0.5, 0.0])
INFER_TABLE = Infer((numbers("X", [[1.0, 2.0], [-3.0, 0.5]], "<f8"),))
INFER_TOKENS = Infer(
    (numbers("input_ids", [[1, 4, 2]], "<i8"), numbers("attention_mask", [[1, 1, 1]], "<i8"))
)
"""What each of these models can answer."""


def slow_rows() -> Infer:
    # It asks for one output, so it shares no batch: rows of one end together.
    return msgspec.structs.replace(infer_rows([FOREVER] * FEATURES), outputs=("y",))


def slow_sums() -> Infer:
    return infer_rows([FOREVER] * FEATURES)


def slow_table() -> Infer:
    return Infer((numbers("X", np.full((SLOW_ROWS, 2), FOREVER), "<f8"),))


def slow_text() -> Embed:
    return Embed((SLOW_WORD,))


class Sums:
    """A function of arrays, and how often it is at work."""

    def __init__(self) -> None:
        self.running = 0

    async def both(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the sum and the largest of each row."""
        self.running += 1
        try:
            if x.max() >= FOREVER:
                await anyio.sleep_forever()
            return {"sum": x.sum(axis=1), "largest": x.max(axis=1)}
        finally:
            self.running -= 1


def typed_function(folder: Path) -> TypedModel:
    sums = Sums()
    decorate = typed_model(
        inputs=[TensorSpec("x", "FP32", (-1, FEATURES))],
        outputs=[TensorSpec("sum", "FP32", (-1,)), TensorSpec("largest", "FP32", (-1,))],
    )
    made = decorate(sums.both)
    made.sums = sums
    return made


class Patient(ClassifierMixin, BaseEstimator):
    """A classifier of two columns that takes its time over large numbers."""

    def fit(self, X: Any, y: Any) -> "Patient":  # noqa: N803
        self.inner_ = LogisticRegression().fit(X, y)
        self.n_features_in_, self.classes_ = self.inner_.n_features_in_, self.inner_.classes_
        self.running = 0
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        self.running += 1
        try:
            if X.max() >= FOREVER:
                time.sleep(0.05)  # An engine that blocks its thread.
            return self.inner_.predict(X)
        finally:
            self.running -= 1

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.inner_.predict_proba(X)


def estimator(folder: Path) -> EstimatorModel:
    rng = np.random.default_rng(7)
    table = rng.standard_normal((40, 2))
    fitted = Patient().fit(table, np.where(table.sum(axis=1) > 0, "more", "less"))
    made = EstimatorModel(fitted, name="patient")
    made.estimator = fitted
    return made


def onnx_graph(folder: Path) -> OnnxModel:
    return OnnxModel(write_tiny_onnx(folder / "rows.onnx"))


def onnx_encoder(folder: Path) -> OnnxModel:
    inner = folder / "encoder"
    inner.mkdir(exist_ok=True)
    return OnnxModel(write_tiny_encoder(inner))


def is_running(model: OnnxModel) -> bool:
    """Whether any thread is in the graph."""
    parts = (model._inference, model._readings)
    return any(part is not None and part.running > 0 for part in parts)
