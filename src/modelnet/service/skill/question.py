"""What a question is, which questions are held out of training, and when a reply is correct."""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "test"]

_HELD_OUT_PERCENT = 10
_P_LOWER_FIRST = 0.15
_P_DROP_FINAL_MARK = 0.15


@dataclass(frozen=True, slots=True)
class Question:
    """One question whose answer a program can check.

    `key` names the underlying problem irrespective of its wording; `scratch` is the working that
    leads to the answer, for learners that need to write it down first.
    """

    skill: str
    kind: str
    prompt: str
    answer: str
    key: str
    scratch: str = ""
    case_matters: bool = False


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that can be examined: what it is, and how to draw a question of each kind."""

    name: str
    description: str
    kinds: Mapping[str, Callable[[random.Random], Question]]

    def draw(self, rng: random.Random, part: Part, kind: str | None = None) -> Question:
        """Draw a question of `part`, of one `kind` or of any."""
        make = self.kinds[kind or rng.choice(tuple(self.kinds))]
        while True:
            question = make(rng)
            if is_held_out(question.key) == (part == "test"):
                return question


def percentile_of(key: str) -> int:
    """Place a key in one of a hundred equal slices, the same on every machine and for ever."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100


def is_held_out(key: str) -> bool:
    """Tell whether the problem is reserved for tests: no model may ever be trained on it."""
    return percentile_of(key) < _HELD_OUT_PERCENT


def is_correct(question: Question, reply: str) -> bool:
    """Compare a reply with the answer, forgiving case, outer spaces and one final full stop."""
    given = reply.strip().removesuffix(".").rstrip()
    if question.case_matters:
        return given == question.answer
    return given.casefold() == question.answer.casefold()


def phrase(rng: random.Random, wordings: Sequence[str], **values: object) -> str:
    """Fill a random wording with the values, written as carelessly as people sometimes write."""
    prompt = rng.choice(wordings).format(**values)
    if rng.random() < _P_LOWER_FIRST and prompt.split(maxsplit=1)[0].istitle():
        prompt = prompt[0].lower() + prompt[1:]
    if rng.random() < _P_DROP_FINAL_MARK and prompt[-1] in "?.":
        prompt = prompt[:-1].rstrip()
    return prompt
