"""Writes a projector with random weights for the tiny GGUF file, and pictures to look at with it.

It is a vision transformer as LLaVA has: 16 patches of a square of 32 pixels become 16 tokens.
"""

import base64
import random
import struct
import zlib
from array import array
from math import prod
from pathlib import Path

from modelnet.core.request import Chat, ImagePart, ImageUrl, Message, Sampling, TextPart
from tests.conformance.tiny_gguf import WIDTH, write_gguf

SIDE, PATCH = 32, 8
TOKENS = (SIDE // PATCH) ** 2
"""That an image becomes."""

SEEN, HEADS, INNER, LAYERS = 16, 2, 32, 2
EPSILON = 1e-5
RED, BLUE = (255, 0, 0), (0, 0, 255)


def projector_metadata() -> dict[str, object]:
    return {
        "general.architecture": "clip",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
        "clip.vision.image_size": SIDE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.embedding_length": SEEN,
        "clip.vision.attention.head_count": HEADS,
        "clip.vision.attention.layer_norm_epsilon": EPSILON,
        "clip.vision.feed_forward_length": INNER,
        "clip.vision.block_count": LAYERS,
        "clip.vision.projection_dim": WIDTH,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }


def projector_shapes(width: int = WIDTH) -> dict[str, tuple[int, ...]]:
    layers = {
        f"v.blk.{layer}.{name}": shape
        for layer in range(LAYERS)
        for name, shape in {
            **linear("attn_q", SEEN, SEEN), **linear("attn_k", SEEN, SEEN),
            **linear("attn_v", SEEN, SEEN), **linear("attn_out", SEEN, SEEN),
            **linear("ffn_up", SEEN, INNER), **linear("ffn_down", INNER, SEEN),
            "ln1.weight": (SEEN,), "ln1.bias": (SEEN,),
            "ln2.weight": (SEEN,), "ln2.bias": (SEEN,),
        }.items()
    }  # fmt: skip
    return {
        "v.patch_embd.weight": (PATCH, PATCH, 3, SEEN),
        "v.position_embd.weight": (SEEN, TOKENS),
        **layers,
        **linear("mm.0", SEEN, width),
        **linear("mm.2", width, width),
    }


def linear(name: str, size_in: int, size_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size_in, size_out), f"{name}.bias": (size_out,)}


def write_tiny_projector(
    path: Path,
    *,
    entries: dict[str, object] | None = None,
    shapes: dict[str, tuple[int, ...]] | None = None,
) -> Path:
    """Write the file, with other entries or tensors if given, and return its path."""
    rng = random.Random(11)
    tensors = {
        name: (shape, array("f", (rng.gauss(0.0, 0.3) for _ in range(prod(shape)))).tobytes())
        for name, shape in (shapes or projector_shapes()).items()
    }
    return write_gguf(path, entries or projector_metadata(), tensors)


def png(colour: tuple[int, int, int], width: int = SIDE, height: int = SIDE) -> bytes:
    """Return a picture of one colour."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * width) * height
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, data) for kind, data in parts)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def shown(image: bytes | str, media_type: str = "image/png") -> ImagePart:
    """Return a picture as a part of a message, or a reference to one that is elsewhere."""
    if isinstance(image, str):
        return ImagePart(ImageUrl(image))
    return ImagePart(ImageUrl(f"data:{media_type};base64,{base64.b64encode(image).decode()}"))


def look(*images: bytes | str, prompt: str = "tell", **sampling: object) -> Chat:
    """Return a question about pictures."""
    wanted = {"max_tokens": 8, "temperature": 0.0} | sampling
    message = Message("user", (TextPart(prompt), *map(shown, images)))
    return Chat((message,), Sampling(**wanted))
