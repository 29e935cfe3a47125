"""Which models the zoo has, how large each is and how long it trains."""

from dataclasses import dataclass
from typing import Literal

CONTEXT_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Spec:
    """One model of the zoo. Training length is counted in steps, so a run can be repeated."""

    name: str
    description: str
    skills: tuple[str, ...]
    tokenizer: Literal["bytes", "bpe"]
    d_model: int
    n_layers: int
    n_heads: int
    n_steps: int
    batch_tokens: int
    learning_rate: float
    n_merges: int = 400
    seed: int = 1


SPECIALISTS = (
    Spec("calc", "Adds, subtracts and multiplies.", ("arithmetic",), "bpe", 128, 3, 4, 600, 4096, 3e-3),
    Spec("text", "Reverses, sorts, counts, spells.", ("text",), "bytes", 128, 3, 4, 600, 4096, 3e-3),
    Spec("logic", "Compares, orders, evaluates.", ("logic",), "bpe", 128, 3, 4, 600, 4096, 3e-3),
    Spec("dates", "Weekdays, months, times.", ("dates",), "bpe", 128, 3, 4, 600, 4096, 3e-3),
    Spec("facts", "Capitals, symbols, opposites.", ("facts",), "bpe", 128, 3, 4, 300, 2048, 3e-3),
)
GENERALIST = Spec(
    "general", "A little of everything.", ("arithmetic", "text", "logic", "dates", "facts"), "bytes",
    256, 4, 8, 600, 4096, 2e-3,
)  # fmt: skip
SPECS = {spec.name: spec for spec in (*SPECIALISTS, GENERALIST)}
