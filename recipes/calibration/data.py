"""Recorded answers of real models: who was right, and who said the same."""

import gzip
import json
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from modelnet.service.pathway.agreement import conclusion

SETS = ("mmlu_pro", "zeroeval")
"""Those whose licence permits it."""

_PRIOR = 2.0


class Record(NamedTuple):
    """What `m` models answered to `n` queries."""

    right: np.ndarray
    """bool `(n, m)`."""
    said: np.ndarray
    """int `(n, m)`: equal numbers in a row say the same; -1 says nothing that can be compared."""
    domains: np.ndarray
    """int `(n,)`."""

    def rows(self, which: np.ndarray) -> "Record":
        """Return some of the queries."""
        return Record(*(part[which] for part in self))


def read(folder: Path, part: Literal["train", "dev"], domains: dict[str, int]) -> Record:
    """Read one part of a set; `domains` numbers the names that it meets."""
    arrays = np.load(folder / f"{part}.npz")
    models = [str(name) for name in arrays["models"]]
    queries = _lines(folder / f"{part}_queries.jsonl.gz")
    answers = _lines(folder / f"{part}_answers.jsonl.gz")
    return Record(
        arrays["score"] > 0.5,
        np.array([_said(row, models) for row in answers]),
        np.array([domains.setdefault(query["domain"], len(domains)) for query in queries]),
    )


def standings(record: Record, of: Record) -> np.ndarray:
    """Return how often each model is right on a query's domain, `(n, m)`, as `record` shows it.

    As a node believes it: a rate for each domain, drawn a little to the model's over all of them.
    """
    overall = record.right.mean(axis=0)
    p = np.empty(of.right.shape)
    for domain in np.unique(of.domains):
        seen = record.right[record.domains == domain]
        p[of.domains == domain] = (seen.sum(axis=0) + _PRIOR * overall) / (len(seen) + _PRIOR)
    return p


def unseen(record: Record) -> np.ndarray:
    """Return standings for each half of the queries as the other half shows them, `(n, m)`."""
    is_even = np.arange(len(record.right)) % 2 == 0
    p = np.empty(record.right.shape)
    for half in (is_even, ~is_even):
        p[half] = standings(record.rows(~half), record.rows(half))
    return p


def _said(answers: dict[str, str], models: list[str]) -> list[int]:
    told = [conclusion(answers.get(model) or "") for model in models]
    number = {what: i for i, what in enumerate(dict.fromkeys(told)) if what is not None}
    return [-1 if what is None else number[what] for what in told]


def _lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
