"""Recorded answers of real models, from sets whose licences permit to hand on what was learnt."""

import gzip
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modelnet.service.hierarchy.place import words_of
from modelnet.service.known.name import plain
from modelnet.service.neighbourhood import SIZE
from modelnet.testbed.bench.routing.embedding import embedded

SETS = ("mmlu_pro", "zeroeval", "routellm2")
"""Apache-2.0, and MIT for the questions of mmlu_pro."""

_KINDS = {
    "crux": "code",
    "gsm": "school mathematics",
    "gsm8k": "school mathematics",
    "math-l5": "competition mathematics",
    "mmlu": "general knowledge",
    "math": "mathematics",
    "other": "miscellany",
}
"""What domains are called that do not say it themselves."""


class Recorded(NamedTuple):
    """One set."""

    kinds: tuple[str, ...]
    """Of each query, `(n,)`."""
    models: tuple[str, ...]
    """Plain names; variants of one model are several of one name, `(m,)`."""
    right: np.ndarray
    """0 to 1, `(n, m)`."""
    meaning: np.ndarray
    """What the encoder says of the queries, `(n, 384)`."""
    words: np.ndarray
    """Their hashed words, `(n, 256)`."""


def read(folder: Path) -> Recorded:
    """Read the part of a set that is there to fit on."""
    with np.load(folder / "train.npz", allow_pickle=False) as arrays:
        models, right = [str(name) for name in arrays["models"]], arrays["score"].astype(float)
    with gzip.open(folder / "train_queries.jsonl.gz", "rt", encoding="utf-8") as lines:
        queries = [json.loads(line) for line in lines]
    prompts = [query["prompt"] for query in queries]
    return Recorded(
        kinds=tuple(_KINDS.get(query["domain"], query["domain"]) for query in queries),
        models=tuple(map(plain, models)),
        right=right,
        meaning=_meaning(folder / "train_minilm.npy", prompts),
        words=np.stack([words_of(prompt) for prompt in prompts]),
    )


def _meaning(recorded: Path, prompts: list[str]) -> np.ndarray:
    if recorded.exists():
        return np.load(recorded, allow_pickle=False).astype(float)
    return embedded(prompts)[:, -SIZE:]
