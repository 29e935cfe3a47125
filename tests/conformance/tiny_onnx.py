"""Writes ONNX graphs with random weights: one of rows of numbers, one that encodes texts.

Both can be told to take for ever: a loop, which leaves the answer as it is, goes round as often as
the largest number of the first says, or once they read the token `slow`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

FEATURES, CLASSES = 3, 2
HIDDEN = 8
FOREVER = 1e12
WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "one", "two", "text", "another", "the", "fox", "and"]
SLOW_WORD = "slow"
VOCABULARY = [*WORDS, "crow", "cheese", SLOW_WORD]
MAX_TOKENS = 16


def value(name: str, kind: int, *shape: Any) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def save(
    path: Path, nodes: list, inputs: list, outputs: list, weights: dict[str, np.ndarray]
) -> Path:
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    made.metadata_props.append(onnx.StringStringEntryProto(key="license", value="Apache-2.0"))
    onnx.checker.check_model(made)
    onnx.save(made, path)
    return path


def loop(trips: str, before: str, after: str, *shape: Any) -> onnx.NodeProto:
    """Return a loop that hands on `before` as it is."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Identity", [f"{before}_in"], [f"{before}_out"]),
        ],
        "body",
        [
            value("round", TensorProto.INT64),
            value("go_on", TensorProto.BOOL),
            value(f"{before}_in", TensorProto.FLOAT, *shape),
        ],
        [value("goes_on", TensorProto.BOOL), value(f"{before}_out", TensorProto.FLOAT, *shape)],
    )
    return helper.make_node("Loop", [trips, "", before], [after], body=body)


def write_tiny_onnx(path: Path, *, is_joint: bool = False, is_endless: bool = False) -> Path:
    """Write a graph of `x` FP32 (rows, 3) to `y` FP32 (rows, 2) and `label` INT64 (rows,).

    A joint one centres its rows first, so that each depends on all; an endless one goes round for
    ever, whatever it reads.
    """
    rng = np.random.default_rng(7)
    weights = {
        "w": rng.standard_normal((FEATURES, CLASSES)).astype(np.float32),
        "nothing": np.zeros((), np.float32),
        "least": np.array(FOREVER if is_endless else 0.0, np.float32),
        "first": np.array([0]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["x", "first"], ["centre"], keepdims=1),
        helper.make_node("Sub", ["x", "centre" if is_joint else "nothing"], ["shifted"]),
        helper.make_node("MatMul", ["shifted", "w"], ["product"]),
        helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        helper.make_node("Max", ["largest", "least"], ["positive"]),
        helper.make_node("Cast", ["positive"], ["trips"], to=TensorProto.INT64),
        loop("trips", "product", "y", "rows", CLASSES),
        helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0),
    ]
    outputs = [
        value("y", TensorProto.FLOAT, "rows", CLASSES),
        value("label", TensorProto.INT64, "rows"),
    ]
    return save(path, nodes, [value("x", TensorProto.FLOAT, "rows", FEATURES)], outputs, weights)


def write_tiny_encoder(
    folder: Path,
    *,
    pooling: str | None = None,
    is_normalised: bool = False,
    has_mask: bool = True,
    has_vector: bool = False,
    shape: tuple[Any, Any] = ("texts", "tokens"),
) -> Path:
    """Write an encoder whose states depend on all tokens of a text, as sentence-transformers do."""
    graph = folder / "model.onnx"
    _write_graph(graph, has_mask=has_mask, has_vector=has_vector, shape=shape)
    _write_tokenizer(folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": MAX_TOKENS}))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    kinds = ["Transformer", "Pooling"] + ["Normalize"] * is_normalised
    modules = [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds]
    (folder / "modules.json").write_text(json.dumps(modules))
    if pooling:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({pooling: True}))
    return folder


def _write_graph(path: Path, *, has_mask: bool, has_vector: bool, shape: tuple[Any, Any]) -> Path:
    rng = np.random.default_rng(7)
    trips = np.zeros(len(VOCABULARY), np.float32)
    trips[VOCABULARY.index(SLOW_WORD)] = FOREVER
    weights = {
        "table": rng.standard_normal((len(VOCABULARY), HIDDEN)).astype(np.float32),
        "trips_of": trips,
        "places": np.array([1]),
        "last": np.array([2]),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask" if has_mask else "ones"], ["mask"], to=1),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide_mask"]),
        helper.make_node("Mul", ["embedded", "wide_mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "places"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["wide_mask", "places"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["context"]),
        helper.make_node("Add", ["embedded", "context"], ["mixed"]),
        helper.make_node("Gather", ["trips_of", "input_ids"], ["each"]),
        helper.make_node("ReduceMax", ["each"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["trips"], to=TensorProto.INT64),
        loop("trips", "mixed", "looped", *shape, HIDDEN),
        helper.make_node("Tanh", ["looped"], ["last_hidden_state"]),
    ]
    inputs = [value("input_ids", TensorProto.INT64, *shape)]
    if has_mask:
        inputs.append(value("attention_mask", TensorProto.INT64, *shape))
    else:
        nodes[:0] = [
            helper.make_node("Equal", ["input_ids", "input_ids"], ["ones"]),
        ]
    outputs = [value("last_hidden_state", TensorProto.FLOAT, *shape, HIDDEN)]
    if has_vector:
        nodes.append(helper.make_node("Squeeze", ["context", "places"], ["sentence_embedding"]))
        outputs.append(value("sentence_embedding", TensorProto.FLOAT, shape[0], HIDDEN))
    return save(path, nodes, inputs, outputs, weights)


def _write_tokenizer(path: Path) -> None:
    ids = {word: place for place, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(path))
