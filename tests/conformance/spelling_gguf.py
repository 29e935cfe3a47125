"""Writes a GGUF file that spells: after each character comes the one it is told to like best.

The blocks are zero and each token has a direction of its own, so that nothing but the last token
counts. Where a grammar leaves a choice, the model takes what it likes; so it can call a tool.
"""

from array import array
from collections.abc import Mapping
from pathlib import Path

from tests.conformance.tiny_gguf import VOCABULARY, metadata, shapes, write_gguf

WIDTH = 128
"""At least one dimension a token."""

WRITTEN = {" ": "\u0120", "\n": "\u010a"}

CALLING_TEMPLATE = (
    "{%- if tools %}{{- 'Tools:' }}{%- for tool in tools %}{{- '\n' + (tool | tojson) }}"
    "{%- endfor %}{{- '\n' }}{%- endif %}"
    "{%- for m in messages %}{%- if m.role == 'user' %}{{- 'U:' + m.content + '\n' }}"
    "{%- elif m.role == 'tool' %}{{- 'T:' + m.content + '\n' }}"
    "{%- else %}{{- 'A:' }}{%- if m.content %}{{- m.content }}{%- endif %}"
    "{%- for call in m.tool_calls %}{%- if call.function is defined %}"
    "{%- set call = call.function %}{%- endif %}"
    '{{- \'<use>\n{"name": "\' + call.name + \'", "arguments": \' '
    "+ (call.arguments | tojson) + '}\n</use>' }}{%- endfor %}{{- '\n' }}{%- endif %}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- 'A:' }}{%- endif %}"
)
"""A template with tools; no mark of it has a character twice, so that a speller can write it."""

CALLS: dict[str, dict[str, float]] = {
    ":": {"<": 1.0}, "<": {"u": 1.0}, "u": {"s": 1.0}, "s": {"e": 1.0},
    "e": {">": 1.0, "}": 0.5}, ">": {"\n": 1.0}, "\n": {"<eos>": 1.0},
}  # fmt: skip
"""What one who calls a tool likes after the `A:` of that template."""


def write_spelling_gguf(
    path: Path, likes: Mapping[str, Mapping[str, float]], template: str
) -> Path:
    """Write the file and return its path. `likes` says how much what comes after a character."""
    entries = metadata(4096, is_embedder=False, template=template) | {
        "llama.embedding_length": WIDTH,
        "llama.rope.dimension_count": WIDTH // 2,
    }
    tensors: dict[str, tuple[tuple[int, ...], bytes]] = {}
    for name, narrow in shapes().items():
        shape = tuple(_wider(size) for size in narrow)
        filling = 1.0 if len(shape) == 1 else 0.0
        tensors[name] = shape, _filled(shape, filling).tobytes()
    size = (WIDTH, len(VOCABULARY))
    directions, liked = _filled(size, 0.0), _filled(size, 0.0)
    for token in range(len(VOCABULARY)):
        directions[token * WIDTH + token] = 1.0
    for before, after in likes.items():
        for character, how_much in after.items():
            liked[_token(character) * WIDTH + _token(before)] = how_much
    tensors["token_embd.weight"] = size, directions.tobytes()
    tensors["output.weight"] = size, liked.tobytes()
    return write_gguf(path, entries, tensors)


def _wider(size: int) -> int:
    narrow = shapes()["output_norm.weight"][0]
    return WIDTH if size == narrow else size


def _filled(shape: tuple[int, ...], value: float) -> array:
    count = 1
    for size in shape:
        count *= size
    return array("f", [value]) * count


def _token(character: str) -> int:
    return VOCABULARY.index(WRITTEN.get(character, character))
