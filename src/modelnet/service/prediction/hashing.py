"""What a query is about, without an encoder: its words and pairs of words, hashed.

Weinberger et al., "Feature hashing for large scale multitask learning", 2009.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np

from modelnet.service.prediction.number import Floats

SIZE = 256

_READ = 2_000
_TOKEN = re.compile(r"[a-z]+|\d|[^\sa-z\d]")
_SIGN = 1 << 15


def hashed(texts: Sequence[str]) -> Floats:
    """Return `(texts, SIZE)`, rows of length 1; texts that share words point the same way."""
    rows = np.zeros((len(texts), SIZE))
    for row, text in zip(rows, texts, strict=True):
        words = _TOKEN.findall(text[:_READ].lower())
        for token in {*words, *(f"{a} {b}" for a, b in pairwise(words))}:
            place = crc32(token.encode(errors="replace"))
            row[place % SIZE] += 1.0 if place & _SIGN else -1.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
