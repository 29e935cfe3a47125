"""Write a trained model as a GGUF file that llama.cpp runs."""

from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType as Quantization

from recipes.zoo.model import NORM_EPSILON, ROPE_BASE, Llama
from recipes.zoo.spec import CONTEXT_LENGTH, Spec
from recipes.zoo.tokenizer import END, END_THINK, THINK, Vocabulary

# The newline is what the model was trained to answer after; Jinja drops one written as text.
CHAT_TEMPLATE = "{{ messages[-1]['content'] + '\\n' }}"
_BLOCK_NAMES = {
    "attention_norm": "attn_norm",
    "attention.q": "attn_q",
    "attention.k": "attn_k",
    "attention.v": "attn_v",
    "attention.out": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}


def export(model: Llama, vocabulary: Vocabulary, spec: Spec, path: Path) -> None:
    """Write weights (matrices in 8 bits), sizes, tokenizer and chat template to `path`."""
    writer = gguf.GGUFWriter(path, "llama")
    _add_sizes(writer, spec)
    _add_tokenizer(writer, vocabulary)
    for name, parameter in model.named_parameters():
        _add_tensor(writer, name, parameter.detach().numpy(), spec.n_heads)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_sizes(writer: gguf.GGUFWriter, spec: Spec) -> None:
    writer.add_name(f"zoo:{spec.name}")
    writer.add_description(spec.description)
    writer.add_license("Apache-2.0")
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(spec.d_model)
    writer.add_block_count(spec.n_layers)
    writer.add_feed_forward_length(3 * spec.d_model)
    writer.add_head_count(spec.n_heads)
    writer.add_head_count_kv(spec.n_heads)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_rope_dimension_count(spec.d_model // spec.n_heads)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _add_tokenizer(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    kinds = {END: gguf.TokenType.CONTROL}
    kinds |= dict.fromkeys((THINK, END_THINK), gguf.TokenType.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in vocabulary.tokens])
    writer.add_token_merges(list(vocabulary.merges))
    writer.add_eos_token_id(vocabulary.id_of(END))
    writer.add_pad_token_id(vocabulary.id_of(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_tensor(
    writer: gguf.GGUFWriter, name: str, weight: npt.NDArray[np.float32], n_heads: int
) -> None:
    if name.endswith(("attention.q.weight", "attention.k.weight")):
        weight = neighbouring(weight, n_heads)
    weight = np.ascontiguousarray(weight)
    if weight.ndim == 1:
        writer.add_tensor(gguf_name(name), weight)
        return
    packed = gguf.quants.quantize(weight, Quantization.Q8_0)
    writer.add_tensor(gguf_name(name), packed, raw_dtype=Quantization.Q8_0)


def neighbouring(weight: npt.NDArray[np.float32], n_heads: int) -> npt.NDArray[np.float32]:
    """Reorder rows so that features that rotate together are neighbours, as in llama.cpp."""
    rows, columns = weight.shape
    halves = weight.reshape(n_heads, 2, rows // n_heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def gguf_name(name: str) -> str:
    """Translate a parameter's name: `blocks.0.attention.q.weight` is `blk.0.attn_q.weight`."""
    if name == "embedding.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, index, part = name.split(".", maxsplit=2)
    return f"blk.{index}.{_BLOCK_NAMES[part.removesuffix('.weight')]}.weight"
