"""Embeddings of prompts that come without: hashed words, and the encoder's where there is one."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modelnet.application.settings import default_data_dir
from modelnet.core.error import SettingsError
from modelnet.resource.encoder import Encoder, load_encoder
from modelnet.service.prediction.hashing import hashed
from modelnet.service.prediction.number import Floats


def installed_encoder() -> Encoder | None:
    """Return the sentence encoder, or `None` where the extra `encoder` is not installed."""
    try:
        return load_encoder(_directory())
    except SettingsError:
        return None


def embedded(prompts: Sequence[str]) -> Floats:
    """Return `(n, e)`: hashed words, and what the encoder says, side by side.

    Encoding ten thousand prompts takes minutes, so that it is kept in the data directory.
    """
    rows = hashed(prompts)
    kept = _directory() / f"prompts-{_digest(prompts)}.npy"
    if kept.is_file():
        return np.concatenate([rows, _read(kept)], axis=1)
    encoder = installed_encoder()
    if encoder is None:
        return rows
    meanings = encoder.encode(prompts)
    with kept.open("wb") as file:
        np.save(file, meanings.astype(np.float16), allow_pickle=False)
    return np.concatenate([rows, meanings.astype(np.float64)], axis=1)


def _read(path: Path) -> Floats:
    return np.load(path, allow_pickle=False).astype(np.float64)


def _directory() -> Path:
    return default_data_dir(os.environ) / "encoder"


def _digest(prompts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(prompt.encode(errors="replace") + b"\0")
    return digest.hexdigest()[:16]
