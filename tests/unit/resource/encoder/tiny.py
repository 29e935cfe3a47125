"""Weights of MiniLM's shape, but small and random, in a package of their own; and what they say."""

import hashlib
import json
import math
import struct
from pathlib import Path

import numpy as np

from modelnet.resource.encoder.encoder import MAX_TOKENS
from modelnet.resource.encoder.reading import PROJECTIONS, read_safetensors
from modelnet.resource.encoder.source import Source
from modelnet.resource.encoder.vocabulary import VOCABULARY

HIDDEN, INNER, LAYERS, HEADS = 64, 128, 2, 2
WORDS = VOCABULARY.read_text(encoding="utf-8").split("\n")[:-1]
PACKAGE = "tiny_minilm"


def tiny_weights(layers: int = LAYERS) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)

    def of(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.2, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": of(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": of(512, HIDDEN),
        "embeddings.token_type_embeddings.weight": of(2, HIDDEN),
        **_norm("embeddings.LayerNorm"),
    }
    wide = {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
    for at in (f"encoder.layer.{layer}" for layer in range(layers)):
        for name in PROJECTIONS:
            shape = wide.get(name, (HIDDEN, HIDDEN))
            weights |= {f"{at}.{name}.weight": of(*shape), f"{at}.{name}.bias": of(shape[0])}
        weights |= _norm(f"{at}.attention.output.LayerNorm") | _norm(f"{at}.output.LayerNorm")
    return weights


def _norm(at: str) -> dict[str, np.ndarray]:
    grow = np.linspace(0.5, 1.5, HIDDEN, dtype=np.float32)
    return {f"{at}.weight": grow, f"{at}.bias": grow[::-1] - 1}


def safetensors(weights: dict[str, np.ndarray]) -> bytes:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in weights.items():
        ends = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": ends}
        data += array.tobytes()
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + data


def install(site: Path, weights: dict[str, np.ndarray] | None = None) -> Source:
    """Lay a package with weights into a folder, which the caller puts on the path."""
    data = safetensors(weights or tiny_weights())
    path = site / PACKAGE / "model" / "weights"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    # Whoever imports it fails.
    (site / PACKAGE / "__init__.py").write_text("raise RuntimeError('I was run')")
    return Source(PACKAGE, "model/weights", hashlib.sha256(data).hexdigest(), read_safetensors)


def embedding(weights: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """BERT in full precision, as its paper has it: the mean of the last states, of length 1."""
    words, places, kinds = (
        weights[f"embeddings.{kind}_embeddings.weight"]
        for kind in ("word", "position", "token_type")
    )
    ids = ids[:MAX_TOKENS]
    x = _normed(weights, "embeddings.LayerNorm", words[ids] + places[: len(ids)] + kinds[0])
    for at in (f"encoder.layer.{layer}" for layer in range(LAYERS)):
        q, k, v = (
            _projected(weights, f"{at}.attention.self.{name}", x).reshape(len(ids), HEADS, -1)
            for name in ("query", "key", "value")
        )
        scores = np.exp(np.einsum("qhd,khd->hqk", q, k) / math.sqrt(HIDDEN / HEADS))
        mixed = np.einsum("hqk,khd->qhd", scores / scores.sum(-1, keepdims=True), v)
        seen = _projected(weights, f"{at}.attention.output.dense", mixed.reshape(len(ids), HIDDEN))
        x = _normed(weights, f"{at}.attention.output.LayerNorm", x + seen)
        inner = _projected(weights, f"{at}.intermediate.dense", x)
        gelu = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        x = _normed(
            weights, f"{at}.output.LayerNorm", x + _projected(weights, f"{at}.output.dense", gelu)
        )
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _projected(weights: dict[str, np.ndarray], at: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{at}.weight"].T + weights[f"{at}.bias"]


def _normed(weights: dict[str, np.ndarray], at: str, x: np.ndarray) -> np.ndarray:
    apart = x - x.mean(axis=-1, keepdims=True)
    return (
        apart / apart.std(axis=-1, keepdims=True) * weights[f"{at}.weight"] + weights[f"{at}.bias"]
    )
