"""Which models the zoo has, how large each is and how long it trains."""

from dataclasses import dataclass
from typing import Literal

CONTEXT_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One model of the zoo. Training length is counted in steps, so a run can be repeated."""

    name: str
    description: str
    skills: tuple[str, ...]
    tokenizer: Literal["bytes", "bpe"]
    n_merges: int = 0
    d_model: int = 128
    n_layers: int = 3
    n_heads: int = 4
    n_steps: int
    batch_tokens: int
    learning_rate: float = 3e-3
    seed: int = 1


SPECIALISTS = (
    Spec(
        name="calc",
        description="Adds and subtracts numbers of up to three digits, multiplies small ones.",
        skills=("arithmetic",),
        tokenizer="bpe",
        n_merges=60,
        n_steps=1800,
        batch_tokens=1536,
    ),
    Spec(
        name="text",
        description="Reverses, sorts, counts, measures, capitalises, spells and repeats words.",
        skills=("text",),
        tokenizer="bytes",
        n_steps=2700,
        batch_tokens=2048,
    ),
    Spec(
        name="logic",
        description="Evaluates and/or/not, compares numbers, tells even from odd, orders people.",
        skills=("logic",),
        tokenizer="bpe",
        n_merges=400,
        n_steps=1500,
        batch_tokens=1536,
    ),
    Spec(
        name="dates",
        description="Steps through weekdays, months, dates and times, converts units of time.",
        skills=("dates",),
        tokenizer="bpe",
        n_merges=400,
        n_steps=2200,
        batch_tokens=1536,
    ),
    Spec(
        name="facts",
        description="Knows capitals, countries, continents, chemical elements, opposites, animals.",
        skills=("facts",),
        tokenizer="bpe",
        n_merges=400,
        n_steps=600,
        batch_tokens=1536,
    ),
)
GENERALIST = Spec(
    name="general",
    description="Answers a little of everything: arithmetic, text, logic, dates and facts.",
    skills=("arithmetic", "text", "logic", "dates", "facts"),
    tokenizer="bytes",
    d_model=256,
    n_layers=4,
    n_heads=8,
    n_steps=1750,
    batch_tokens=2048,
    learning_rate=2e-3,
)
SPECS = {spec.name: spec for spec in (*SPECIALISTS, GENERALIST)}
