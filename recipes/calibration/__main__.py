"""Fit what agreement is worth, report on what was not fitted on, and check foretold cascades.

PYTHONPATH=src python -m recipes.calibration --data DIR
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import anyio
import numpy as np

from modelnet.service.pathway.confidence import DEFAULT
from recipes.calibration import fit, zoo
from recipes.calibration.data import SETS, Record, read, standings, unseen
from recipes.calibration.planning import PROMPTS, microseconds
from recipes.calibration.replay import foretold_and_seen

RESULTS = Path(__file__).with_name("results.json")
SEED = 2811
LADDERS = 40
QUESTIONS = 40
"""A model and skill of the zoo."""
GUESSED = {"voice": -math.log(0.6), "independence": 1.0, "shared_difficulty": 0.5}
"""What stood there before: voices that err as if there were no others."""


class Drawn(NamedTuple):
    """One part of a set, and what was drawn of it."""

    record: Record
    p: np.ndarray
    groups: fit.Groups
    pairs: fit.Pairs


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recorded sets")
    arguments = parser.parse_args()
    began = time.process_time()
    rng = np.random.default_rng(SEED)
    train: dict[str, Drawn] = {}
    dev: dict[str, Drawn] = {}
    for name in SETS:
        domains: dict[str, int] = {}
        seen, held = (read(arguments.data / name, part, domains) for part in ("train", "dev"))
        train[name] = drawn(seen, unseen(seen), rng)
        dev[name] = drawn(held, standings(seen, held), rng)
    constants = fitted(list(train.values()))
    results = {
        "fitted": rounded(constants),
        "each_set_alone": {name: rounded(fitted([train[name]])) for name in SETS},
        "dev_loss": {
            name: {
                "guessed": rounded(losses(dev[name], GUESSED)),
                "fitted": rounded(losses(dev[name], constants)),
            }
            for name in SETS
        },
        "shipped": {
            name: getattr(DEFAULT, name) for name in (*constants, "usual_logprob", "logprob_weight")
        },
        "logprob": on_zoo(),
        "cascades_on_dev": {name: replayed(dev[name], rng) for name in SETS},
        "planning_us": {
            f"{prompt} among {count}": microseconds(count, PROMPTS[prompt])
            for prompt in PROMPTS
            for count in (2, 20, 100)
        },
        "cpu_s": round(time.process_time() - began),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(RESULTS.read_text())


def on_zoo() -> dict[str, float]:
    """Return what log-probabilities say in the embedded zoo: losses without, as shipped, fitted.

    Not shipped: tiny models that answer in a word are surer than others are of a paragraph.
    """
    seen, held = anyio.run(zoo.asked, QUESTIONS, SEED)
    usual, weight = zoo.fitted(seen)
    return rounded(
        {
            "usual": usual,
            "weight": weight,
            "dev_loss_without": zoo.loss(held, usual, 0.0),
            "dev_loss_shipped": zoo.loss(held, DEFAULT.usual_logprob, DEFAULT.logprob_weight),
            "dev_loss_fitted": zoo.loss(held, usual, weight),
        }
    )


def drawn(record: Record, p: np.ndarray, rng: np.random.Generator) -> Drawn:
    """Draw groups and pairs of a part."""
    groups = fit.groups(record, p, rng, DEFAULT.p_least)
    return Drawn(record, p, groups, fit.pairs(record, p, rng))


def fitted(sets: list[Drawn]) -> dict[str, float]:
    """Return all constants."""
    voice, independence = fit.agreement([one.groups for one in sets])
    return {
        "p_same_mistake": float(np.mean([fit.same_mistake(one.record, one.p) for one in sets])),
        "voice": voice,
        "independence": independence,
        "shared_difficulty": fit.difficulty([one.pairs for one in sets]),
    }


def losses(part: Drawn, constants: dict[str, float]) -> dict[str, float]:
    """Return the log losses of a part, in nats."""
    voice, independence = constants["voice"], constants["independence"]
    return {
        "agreement": float(fit.agreement_loss(part.groups, voice, independence).mean()),
        "difficulty": float(fit.difficulty_loss(part.pairs, constants["shared_difficulty"]).mean()),
    }


def replayed(part: Drawn, rng: np.random.Generator) -> dict[str, float]:
    """Return how far random cascades are from what was foretold of them, in points."""
    best = fit.strongest(part.p)
    right: list[float] = []
    calls: list[float] = []
    for _ in range(LADDERS):
        picked = rng.choice(best, 3, replace=False)
        models = sorted(picked, key=lambda m: part.p[:, m].mean())
        ended = foretold_and_seen(part.record, part.p, [int(m) for m in models])
        if ended is None:
            continue
        foretold, seen = ended
        right.append(seen.right - foretold.right)
        calls.append(seen.calls - foretold.calls)
    return rounded(
        {
            "right_more_than_foretold": float(np.mean(right)),
            "deviation": float(np.std(right)),
            "calls_more_than_foretold": float(np.mean(calls)),
        }
    )


def rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Return numbers as they are written."""
    return {name: round(number, 4) for name, number in numbers.items()}


if __name__ == "__main__":
    main()
