"""What a GGUF file of the Llama family holds, in Hugging Face's terms."""

from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]

_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_WHOLE = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}


class Shape(NamedTuple):
    """The sizes that define a model."""

    width: int
    layers: int
    inner: int
    heads: int
    kv_heads: int
    context_length: int
    norm_epsilon: float
    rope_base: float

    @property
    def head_width(self) -> int:
        """Features of one attention head."""
        return self.width // self.heads


class Vocabulary(NamedTuple):
    """A byte-level BPE tokenizer: tokens by id in GPT-2's notation, merges in order of rank."""

    tokens: list[str]
    kinds: list[gguf.TokenType]
    merges: list[tuple[str, str]]
    split: str
    """How llama.cpp calls the rule that cuts text into words."""
    end: int
    chat_template: str


class Checkpoint(NamedTuple):
    """A model, whatever file it came from."""

    shape: Shape
    vocabulary: Vocabulary
    weights: Weights
    """By the names of Hugging Face's Llama, matrices (outputs, inputs), FP32."""

    @property
    def is_tied(self) -> bool:
        """Whether the embedding of the tokens also reads them off."""
        return "lm_head.weight" not in self.weights


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a GGUF file, its weights dequantised.

    Raises:
        ValueError: the model is of another family or has another kind of tokenizer.
    """
    reader = gguf.GGUFReader(path)
    told = {name: field.contents() for name, field in reader.fields.items()}
    if told["general.architecture"] != "llama" or told["tokenizer.ggml.model"] != "gpt2":
        raise ValueError(f"{path} is no Llama with a byte-level tokenizer.")
    shape = _shape(told)
    return Checkpoint(shape, _vocabulary(told), _weights(reader, shape))


def _shape(told: dict[str, Any]) -> Shape:
    heads = told["llama.attention.head_count"]
    return Shape(
        width=told["llama.embedding_length"],
        layers=told["llama.block_count"],
        inner=told["llama.feed_forward_length"],
        heads=heads,
        kv_heads=told.get("llama.attention.head_count_kv", heads),
        context_length=told["llama.context_length"],
        norm_epsilon=told["llama.attention.layer_norm_rms_epsilon"],
        rope_base=told.get("llama.rope.freq_base", 10_000.0),
    )


def _vocabulary(told: dict[str, Any]) -> Vocabulary:
    tokens = told["tokenizer.ggml.tokens"]
    known = set(tokens)
    merges = [tuple(merge.split(" ")) for merge in told["tokenizer.ggml.merges"]]
    return Vocabulary(
        tokens=tokens,
        kinds=[gguf.TokenType(kind) for kind in told["tokenizer.ggml.token_type"]],
        # llama.cpp refuses an empty list, so files without merges carry one that makes no token.
        merges=[(left, right) for left, right in merges if left + right in known],
        split=told["tokenizer.ggml.pre"],
        end=told["tokenizer.ggml.eos_token_id"],
        chat_template=told["tokenizer.chat_template"],
    )


def _weights(reader: gguf.GGUFReader, shape: Shape) -> Weights:
    weights: Weights = {}
    for tensor in reader.tensors:
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.name.endswith("attn_q.weight"):
            weight = in_halves(weight, shape.heads)
        if tensor.name.endswith("attn_k.weight"):
            weight = in_halves(weight, shape.kv_heads)
        weights[hugging_face_name(tensor.name)] = np.ascontiguousarray(weight)
    return weights


def in_halves(weight: npt.NDArray[np.float32], n_heads: int) -> npt.NDArray[np.float32]:
    """Reorder rows (heads * head width, inputs): features that rotate together half a head apart.

    llama.cpp keeps them neighbours; this undoes `recipes.zoo.export.neighbouring`.
    """
    rows, columns = weight.shape
    neighbours = weight.reshape(n_heads, rows // n_heads // 2, 2, columns)
    return neighbours.swapaxes(1, 2).reshape(rows, columns)


def hugging_face_name(name: str) -> str:
    """Translate the name of a tensor: `output_norm.weight` is `model.norm.weight`."""
    stem, _, kind = name.rpartition(".")
    if stem in _WHOLE:
        return f"{_WHOLE[stem]}.{kind}"
    _, layer, part = stem.split(".")
    return f"model.layers.{layer}.{_PARTS[part]}.{kind}"
