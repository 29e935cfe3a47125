"""Writes a GGUF file with random weights and a vocabulary of single characters.

It babbles for ever, deterministically at temperature 0, and every character is one token: enough to
test everything about llama.cpp but the sense of its answers.
"""

import random
import struct
from array import array
from pathlib import Path

WIDTH, LAYERS, HEADS, INNER = 32, 2, 2, 64
EPSILON = 1e-5
CHARACTERS = [chr(code) for code in range(33, 127)]
# The tokenizer of GPT-2 writes a space and a newline as these two.
VOCABULARY = [*CHARACTERS, "\u0120", "\u010a", "<eos>"]
NORMAL, CONTROL = 1, 3
TEMPLATE = "{{ messages[-1]['content'] + '\n' }}"
TOOL_TEMPLATE = (
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}"
    "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}"
    "{{ m['content'] + '\n' }}{% endfor %}"
)
"""One by which llama.cpp sees that the model knows tools."""


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def strings(values: list[str]) -> bytes:
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


def numbers(values: list[int] | list[float]) -> bytes:
    kind, form = (5, "i") if isinstance(values[0], int) else (6, "f")
    return struct.pack(f"<IQ{len(values)}{form}", kind, len(values), *values)


def entry(key: str, value: object) -> bytes:
    match value:
        case bool():
            return text(key) + struct.pack("<I?", 7, value)
        case int():
            return text(key) + struct.pack("<II", 4, value)
        case float():
            return text(key) + struct.pack("<If", 6, value)
        case str():
            return text(key) + struct.pack("<I", 8) + text(value)
        case [str(), *_]:
            return text(key) + struct.pack("<I", 9) + strings(value)
        case [int() | float(), *_]:
            return text(key) + struct.pack("<I", 9) + numbers(value)
    raise AssertionError(value)


def metadata(context_length: int, *, is_embedder: bool, template: str) -> dict[str, object]:
    types = [NORMAL] * (len(VOCABULARY) - 1) + [CONTROL]
    entries: dict[str, object] = {
        "general.architecture": "llama",
        "general.license": "apache-2.0",
        "llama.context_length": context_length,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": EPSILON,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": VOCABULARY,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": ["\u0120 \u0120"],
        "tokenizer.ggml.eos_token_id": len(VOCABULARY) - 1,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": template,
    }
    return entries | ({"llama.pooling_type": 1} if is_embedder else {})


def shapes() -> dict[str, tuple[int, ...]]:
    block = {
        "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (WIDTH, INNER), "ffn_up": (WIDTH, INNER), "ffn_down": (INNER, WIDTH),
    }  # fmt: skip
    layers = {
        f"blk.{layer}.{name}.weight": shape
        for layer in range(LAYERS)
        for name, shape in block.items()
    }
    return {"token_embd.weight": (WIDTH, len(VOCABULARY)), "output_norm.weight": (WIDTH,)} | layers


def weights(name: str, shape: tuple[int, ...], rng: random.Random) -> bytes:
    if len(shape) == 1:
        return array("f", [1.0] * shape[0]).tobytes()
    values = array("f", (rng.gauss(0.0, 0.5) for _ in range(shape[0] * shape[1])))
    if name == "token_embd.weight":
        # The answer must never end: the end marker's row is the opposite of what is likely.
        values[-shape[0] :] = array("f", [0.0] * shape[0])
    return values.tobytes()


def write_tiny_gguf(
    path: Path,
    *,
    context_length: int = 4096,
    is_embedder: bool = False,
    template: str = TEMPLATE,
) -> Path:
    """Write the file and return its path."""
    rng = random.Random(7)
    entries = metadata(context_length, is_embedder=is_embedder, template=template)
    tensors = {name: (shape, weights(name, shape, rng)) for name, shape in shapes().items()}
    return write_gguf(path, entries, tensors)


def write_gguf(
    path: Path, entries: dict[str, object], tensors: dict[str, tuple[tuple[int, ...], bytes]]
) -> Path:
    """Write a file of these entries and these float32 tensors, by name with shape and data."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    header += b"".join(entry(key, value) for key, value in entries.items())
    data = b""
    for name, (shape, raw) in tensors.items():
        dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        header += text(name) + dimensions + struct.pack("<IQ", 0, len(data))
        data += raw
        data += bytes(-len(data) % 32)
    header += bytes(-len(header) % 32)
    path.write_bytes(header + data)
    return path
