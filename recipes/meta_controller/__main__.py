"""Measure whether a transformer or a graph adds to the stack, and print the table.

PYTHONPATH=src python -m recipes.meta_controller --data DIR
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modelnet.service.prediction.design import Design
from modelnet.service.prediction.log import Fit, OutcomeLog
from modelnet.testbed.bench.routing.data import Part, read_part
from recipes.meta_controller.judgement import Field, Interval, Judged, gains, log_loss, values
from recipes.meta_controller.member import CHOSEN, SHAPES, newcomers, shipped, stacked

_SEARCH_SEED = 7
_SEARCH_FIFTHS = 5


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of recorded outcomes")
    parser.add_argument("--set", action="append", choices=sorted(CHOSEN), help="one of the sets")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--search", action="store_true", help="print what chose the shapes instead")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {}
    for name in arguments.set or CHOSEN:
        train, dev = (read_part(arguments.data / name, part) for part in ("train", "dev"))
        figures[name] = (
            search(train) if arguments.search else measure(name, train, dev, arguments.seeds)
        )
        print(
            "\n".join(found(name, figures[name]) if arguments.search else rows(name, figures[name]))
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure(name: str, train: Part, dev: Part, seeds: int) -> dict[str, Any]:
    """Return what the stack is worth on `dev`, and each newcomer alone and in the stack."""
    log, x, field = laid_out(train, dev)
    before: list[Judged] = []
    alone: dict[str, list[Judged]] = {}
    joined: dict[str, list[Judged]] = {}
    for seed in range(seeds):
        members = shipped(seed)
        before.append(Judged.of(stacked(log, members).p_right(x), field))
        for who, fit in newcomers(name, seed).items():
            stack = stacked(log, [*members, fit])
            alone.setdefault(who, []).append(Judged.of(stack.members[-1].p_right(x), field))
            joined.setdefault(who, []).append(Judged.of(stack.p_right(x), field))
    rng = np.random.default_rng(0)
    return {
        "stack": values(before),
        "newcomers": {
            who: {
                "alone": values(alone[who]),
                "alone_gain": gains(alone[who], before, rng),
                "joined": values(joined[who]),
                "joined_gain": gains(joined[who], before, rng),
            }
            for who in joined
        },
    }


def search(train: Part) -> dict[str, list[float]]:
    """Return the log loss of every shape on a fifth of the training part, learnt from the rest."""
    log, _, field = laid_out(train, train)
    fifth = np.random.default_rng(_SEARCH_SEED).permutation(len(log.x)) % _SEARCH_FIFTHS == 0
    out = Field(field.right[fifth], field.cost[fifth], field.charge)

    def loss(fit: Fit) -> float:
        predictor = fit(log.rows(~fifth), np.random.default_rng(1))
        return log_loss(Judged.of(predictor.p_right(log.x[fifth]), out), out.everyone)

    return {who: [loss(fit) for fit in shapes] for who, shapes in SHAPES.items()}


def laid_out(train: Part, dev: Part) -> tuple[OutcomeLog, np.ndarray, Field]:
    """Return what is learnt from, the queries that are judged, and what happened on them."""
    design = Design.fit(train.surface)
    names = sorted(set(train.domains))
    log = OutcomeLog(
        models=train.models,
        x=design.rows(train.surface, train.embedding),
        right=train.right,
        kinds=np.array([names.index(domain) for domain in train.domains]),
        n_surface=train.surface.shape[1],
    )
    dollars = train.cost.mean(axis=0)
    charge = dollars / dollars[log.means.argmax()]
    return log, design.rows(dev.surface, dev.embedding), Field(dev.right, dev.cost, charge)


def rows(name: str, figures: dict[str, Any]) -> Iterator[str]:
    """Yield the table of a set, as Markdown."""
    stack = figures["stack"]
    yield f"\n| {name} | log loss | AUC | accuracy % | hull area |\n|---|---:|---:|---:|---:|"
    yield f"| the stack | {_values(stack)} |"
    for who, one in figures["newcomers"].items():
        yield f"| {who} alone | {_values(one['alone'])} |"
        yield f"| stack with {who} | {_values(one['joined'])} |"
        yield f"| gain | {_gains(one['joined_gain'])} |"


def found(name: str, losses: dict[str, list[float]]) -> Iterator[str]:
    """Yield what a search found."""
    for who, each in losses.items():
        yield f"{name}, {who}: " + ", ".join(f"{loss:.4f}" for loss in each)


def _values(one: dict[str, float]) -> str:
    loss, ranked, right, hull = (one[k] for k in ("log_loss", "auc", "accuracy", "hull_area"))
    return f"{loss:.4f} | {ranked:.3f} | {right:.2f} | {hull:.4f}"


def _gains(one: dict[str, Interval]) -> str:
    loss, right, hull = (one[k] for k in ("log_loss", "accuracy", "hull_area"))
    return f"{_told(loss, 4)} | | {_told(right, 2)} | {_told(hull, 4)}"


def _told(gain: Interval, digits: int) -> str:
    return f"{gain.value:+.{digits}f} ({gain.low:+.{digits}f} to {gain.high:+.{digits}f})"


if __name__ == "__main__":
    main()
