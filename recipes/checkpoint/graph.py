"""Write a checkpoint as an ONNX graph: tokens in, logits and the hidden states of all layers out.

The operators for attention, rotary positions and RMS norms are those of ONNX opset 23.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from recipes.checkpoint.checkpoint import Checkpoint, Shape

OPSET = 23
IR_VERSION = 10
PRODUCER = "modelnet"


def write_graph(checkpoint: Checkpoint, path: Path) -> Path:
    """Write the graph, and return its path.

    It takes `input_ids` INT64 (batch, seq); it gives `logits` FP32 (batch, seq, vocab),
    `last_hidden_state` FP32 (batch, seq, width), after the final norm, and for every layer below
    it `hidden_states.N` of the same shape, `N = 0` being the embedding of the tokens.
    """
    graph = _LlamaGraph(checkpoint).build()
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        graph, producer_name=PRODUCER, opset_imports=[opset], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


class _LlamaGraph:
    """Collects nodes and constants. Names of tensors stand for the tensors themselves."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._shape = checkpoint.shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}

    def build(self) -> onnx.GraphProto:
        """Return the whole graph."""
        self._positions()
        x = self._op(
            "Gather", self._weight("model.embed_tokens"), "input_ids", to="hidden_states.0"
        )
        for layer in range(self._shape.layers):
            last = layer + 1 == self._shape.layers
            x = self._block(x, layer, to="last_block" if last else f"hidden_states.{layer + 1}")
        x = self._norm(x, "model.norm", to="last_hidden_state")
        head = "model.embed_tokens" if self._checkpoint.is_tied else "lm_head"
        self._project(x, head, to="logits")
        constants = [numpy_helper.from_array(v, name) for name, v in self._constants.items()]
        return helper.make_graph(
            self._nodes, "llama", [_tokens()], self._outputs(), initializer=constants
        )

    def _positions(self) -> None:
        """Number the tokens of each row from 0, and tabulate the angles of all positions."""
        cos, sin = rotary_table(self._shape)
        self._constants |= {"cos": cos, "sin": sin}
        self._constants |= {"zero": np.array(0), "one": np.array(1)}
        size = self._op("Shape", "input_ids")
        seq = self._op("Gather", size, "one")
        self._op("Expand", self._op("Range", "zero", seq, "one"), size, to="position_ids")

    def _block(self, x: str, layer: int, to: str) -> str:
        """Attention, then feed-forward, each on a normalised copy added back to the stream."""
        at = f"model.layers.{layer}"
        normed = self._norm(x, f"{at}.input_layernorm")
        x = self._op("Add", x, self._attention(normed, f"{at}.self_attn"))
        normed = self._norm(x, f"{at}.post_attention_layernorm")
        return self._op("Add", x, self._feed_forward(normed, f"{at}.mlp"), to=to)

    def _attention(self, x: str, at: str) -> str:
        q = self._rotate(self._project(x, f"{at}.q_proj"), self._shape.heads)
        k = self._rotate(self._project(x, f"{at}.k_proj"), self._shape.kv_heads)
        v = self._project(x, f"{at}.v_proj")
        mixed = self._op(
            "Attention", q, k, v,
            is_causal=1, q_num_heads=self._shape.heads, kv_num_heads=self._shape.kv_heads,
        )  # fmt: skip
        return self._project(mixed, f"{at}.o_proj")

    def _rotate(self, x: str, heads: int) -> str:
        return self._op("RotaryEmbedding", x, "cos", "sin", "position_ids", num_heads=heads)

    def _feed_forward(self, x: str, at: str) -> str:
        gate = self._project(x, f"{at}.gate_proj")
        silu = self._op("Mul", gate, self._op("Sigmoid", gate))
        inner = self._op("Mul", silu, self._project(x, f"{at}.up_proj"))
        return self._project(inner, f"{at}.down_proj")

    def _norm(self, x: str, at: str, to: str = "") -> str:
        epsilon = self._shape.norm_epsilon
        return self._op("RMSNormalization", x, self._weight(at), to=to, epsilon=epsilon)

    def _project(self, x: str, at: str, to: str = "") -> str:
        """Multiply (batch, seq, inputs) by a matrix that is kept (outputs, inputs)."""
        transposed = f"{at}.transposed"
        self._constants[transposed] = self._checkpoint.weights[f"{at}.weight"].T.copy()
        return self._op("MatMul", x, transposed, to=to)

    def _weight(self, at: str) -> str:
        name = f"{at}.weight"
        self._constants[name] = self._checkpoint.weights[name]
        return name

    def _op(self, kind: str, *inputs: str, to: str = "", **attributes: float) -> str:
        name = to or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def _outputs(self) -> list[onnx.ValueInfoProto]:
        width, vocab = self._shape.width, len(self._checkpoint.vocabulary.tokens)
        hidden = [f"hidden_states.{layer}" for layer in range(self._shape.layers)]
        sizes = {"logits": vocab, "last_hidden_state": width} | dict.fromkeys(hidden, width)
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "seq", size])
            for name, size in sizes.items()
        ]


def rotary_table(shape: Shape) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return cosines and sines of each position's angles, each (context, head width / 2)."""
    frequency = shape.rope_base ** (-np.arange(0, shape.head_width, 2) / shape.head_width)
    angle = np.outer(np.arange(shape.context_length), frequency)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _tokens() -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])
