"""The questions of the demo: drawn from a seed, never trained on. Pure."""

import random
from collections.abc import Iterator

from modelnet.service.skill import SKILLS, Question, draw

LONG_ANSWER = 36
"""Characters: enough to watch an answer, to break it off in the middle, and to see it go on."""

_LONG_SKILL = "text"


def mixed(count: int, seed: int) -> tuple[Question, ...]:
    """Return held-out questions, the same number of each skill or one more, shuffled."""
    rng = _rng(seed)
    skills = tuple(SKILLS)
    questions = [draw(skills[i % len(skills)], rng, "test") for i in range(count)]
    rng.shuffle(questions)
    return tuple(questions)


def of_skill(skill: str, seed: int) -> Iterator[Question]:
    """Yield held-out questions of one skill without end."""
    rng = _rng(seed)
    while True:
        yield draw(skill, rng, "test")


def long_ones(seed: int) -> Iterator[Question]:
    """Yield held-out questions whose answers take a while, without end."""
    return (q for q in of_skill(_LONG_SKILL, seed) if len(q.answer) >= LONG_ANSWER)


def _rng(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  the same questions for the same seed, no secrets
