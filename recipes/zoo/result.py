"""What is recorded of each model made; one entry of `zoo.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """One model of the zoo: its file, its size, its training and its held-out accuracy."""

    name: str
    file: str
    description: str
    skills: tuple[str, ...]
    parameters: int
    context_length: int
    size_bytes: int
    sha256: str
    tokenizer: str
    vocabulary: int
    train_steps: int
    train_tokens: int
    train_questions: int
    train_cpu_s: float
    train_wall_s: float
    exam_questions: int
    exam_p50_ms: float
    held_out: dict[str, float]
    held_out_by_kind: dict[str, float]


def save(result: Result, path: Path) -> None:
    """Write a result as JSON."""
    path.write_text(json.dumps(asdict(result), indent=2) + "\n")


def load(path: Path) -> Result:
    """Read a result back."""
    return Result(**json.loads(path.read_text()))
