"""Fit what the package bundles of public models, write it, and say what it holds.

PYTHONPATH=src python -m recipes.known_models --data DIR
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from modelnet.service.known.table import FILE, Table
from recipes.known_models.data import SETS, Recorded, read
from recipes.known_models.fit import fitted

BUNDLED = Path(__file__).parents[2] / "src/modelnet/service/known" / FILE
RESULTS = Path(__file__).with_name("RESULTS.md")
LARGEST_BYTES = 300_000

_LICENCES = """\
| set | source | licence | used |
|---|---|---|---|
| `mmlu_pro` | TIGER-AI-Lab/MMLU-Pro, evaluation results | Apache-2.0, questions MIT | yes |
| `zeroeval` | WildEval/ZeroEval, result directories | Apache-2.0 | yes |
| `routellm2` | lm-sys/RouteLLM, evaluations | Apache-2.0 | yes |
| `bfcl`, `routerbench_sub` | | not stated: not for redistribution | no |

No question and no answer is in the file: only mean directions of many questions, and shares of
right answers."""


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recorded sets")
    sets = {name: read(parser.parse_args().data / name) for name in SETS}
    table = fitted([*sets.values()])
    packed = msgspec.msgpack.encode(table)
    assert len(packed) < LARGEST_BYTES
    BUNDLED.write_bytes(packed)
    RESULTS.write_text(report(table, sets, len(packed)), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def report(table: Table, sets: dict[str, Recorded], size_bytes: int) -> str:
    """Return what the file holds, in words and tables."""
    today = datetime.now(UTC).date().isoformat()
    queries = sum(len(one.right) for one in sets.values())
    shares = table.shares()
    lines = [
        "# What is bundled of public models",
        "",
        f"Written by `python -m recipes.known_models` on {today}, from the training parts of "
        f"{len(sets)} sets: {queries:,} questions, {len(table.models)} models by plain name, "
        f"{len(table.kinds)} kinds, {size_bytes:,} bytes.",
        "",
        _LICENCES,
        "",
        "Nearest kind, of the questions the centres are made of: "
        + ", ".join(f"{hit:.0%} right by {what}" for what, hit in nearest(table, sets).items())
        + ".",
        "",
        "## Share of right answers",
        "",
        "What was not asked is expected from ability and ease; see `fit.expected`.",
        "",
        "| model | mean | best kind | worst kind |",
        "|---|---:|---|---|",
        *(
            f"| {name} | {row.mean():.2f} | {_told(table, row, row.argmax())} "
            f"| {_told(table, row, row.argmin())} |"
            for name, row in sorted(
                zip(table.models, shares, strict=True), key=lambda one: -one[1].mean()
            )
        ),
        "",
    ]
    return "\n".join(lines)


def nearest(table: Table, sets: dict[str, Recorded]) -> dict[str, float]:
    """Return the share of questions that lie nearest to the centre of their own kind."""
    hits: dict[str, float] = {}
    for what, size in (("meaning", 384), ("words", 256)):
        centres = table.centres(size)
        right = [
            table.kinds[place] == kind
            for one in sets.values()
            for place, kind in zip(
                (getattr(one, what) @ centres.T).argmax(axis=1), one.kinds, strict=True
            )
        ]
        hits[what] = float(np.mean(right))
    return hits


def _told(table: Table, row: np.ndarray, place: int) -> str:
    return f"{table.kinds[place]} {row[place]:.2f}"


if __name__ == "__main__":
    main()
