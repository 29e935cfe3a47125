"""Fit the classifier, report on what it never saw, and write the weights the package ships.

PYTHONPATH=src python -m recipes.task_kind --data DIR
"""

import argparse
import json
import time
from pathlib import Path

import msgspec
import numpy as np

from modelnet.service.kind import KINDS, OTHER
from modelnet.service.kind.classifier import ZERO, Weights
from recipes.task_kind import fit
from recipes.task_kind.chat import PROMPTS
from recipes.task_kind.data import Example, other_examples, skill_examples, varied

WEIGHTS = Path(__file__).parents[2] / "src/modelnet/service/kind/weights.msgpack"
RESULTS = Path(__file__).with_name("results.json")
PENALTIES = (0.3, 1.0, 3.0)
FIT_SEEDS = (11, 12, 13)


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prompt sets")
    parser.add_argument("--per-skill", type=int, default=1500, help="questions a skill and seed")
    arguments = parser.parse_args()
    began = time.process_time()
    examples = fitting_set(arguments.data, arguments.per_skill)
    x, y = fit.matrix(examples), fit.labels(examples)
    folds = np.array([-1 if e.fold is None else e.fold for e in examples])
    unseen = {c: fit.unseen_wordings(x, y, folds, c) for c in PENALTIES}
    losses = {c: calibrated_loss(*unseen[c]) for c in PENALTIES}
    best = min(losses, key=losses.__getitem__)
    weights = fit.packed(fit.fit(x, y, best), fit.temperature(*unseen[best]))
    WEIGHTS.write_bytes(msgspec.msgpack.encode(weights))
    results = {
        "fitted_on": {kind: int((y == i).sum()) for i, kind in enumerate(KINDS)},
        "inverse_penalty": {str(c): round(loss, 4) for c, loss in losses.items()},
        "temperature": round(fit.temperature(*unseen[best]), 3),
        "unseen_wordings": per_kind(*unseen[best]),
        "held_out": held_out(weights, arguments.data),
        "size_bytes": WEIGHTS.stat().st_size,
        "cpu_s": round(time.process_time() - began),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(RESULTS.read_text())


def fitting_set(data: Path, per_skill: int) -> list[Example]:
    """Return what the fit may see: the training parts, half as they are and half reworded."""
    skills = [e for seed in FIT_SEEDS for e in skill_examples("train", per_skill, seed)]
    plain = skills + other_examples(data, "train", seed=1)
    return plain[::2] + varied(plain[1::2], seed=2)


def calibrated_loss(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the loss after the best temperature: what a penalty is chosen by."""
    return fit.log_loss(logits / fit.temperature(logits, y), y)


def per_kind(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the accuracy for every kind, and of all kinds the same."""
    right = logits.argmax(axis=1) == y
    each = {kind: float(right[y == i].mean()) for i, kind in enumerate(KINDS) if (y == i).any()}
    return {
        kind: round(value, 4) for kind, value in {**each, "all": np.mean([*each.values()])}.items()
    }


def held_out(weights: Weights, data: Path) -> dict[str, object]:
    """Judge the packed weights on questions, prompts and requests that no fit saw."""
    plain = skill_examples("test", 2000, seed=99) + other_examples(data, "dev", seed=99)
    chat = [Example(prompt, OTHER, None) for prompt in PROMPTS]
    judged: dict[str, object] = {}
    for name, examples in (
        ("plain", plain),
        ("reworded", varied(plain, seed=5)),
    ):
        logits, y = packed_logits(weights, examples), fit.labels(examples)
        judged[name] = per_kind(logits, y)
        judged[f"{name}_log_loss"] = round(fit.log_loss(logits, y), 4)
        judged[f"{name}_calibration_error"] = round(calibration_error(logits, y), 4)
    judged["chat"] = per_kind(packed_logits(weights, chat), fit.labels(chat))["all"]
    return judged


def packed_logits(weights: Weights, examples: list[Example]) -> np.ndarray:
    """Return the logits of the weights as shipped, (examples, kinds)."""
    columns = np.stack([np.frombuffer(column, dtype=np.uint8) for column in weights.columns])
    centred = columns.T.astype(np.float64) - ZERO
    return fit.matrix(examples) @ (centred * weights.step) + np.array(weights.biases)


def calibration_error(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the expected difference between confidence and accuracy, in ten equal bins."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
            for b in np.unique(bins)]  # fmt: skip
    return float(np.sum(gaps))


if __name__ == "__main__":
    main()
