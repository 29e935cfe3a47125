"""Examine an exported file as users will meet it: in llama.cpp, greedily, on held-out questions."""

import json
import random
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelnet.service.skill import SKILLS, Question, is_correct
from recipes.zoo.tokenizer import END_THINK

_MAX_TOKENS = 120
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy and latency on held-out questions."""

    asked: Counter[tuple[str, str]]
    right: Counter[tuple[str, str]]
    p50_ms: float

    @property
    def accuracy(self) -> float:
        """Share of all questions answered correctly."""
        return self.right.total() / self.asked.total()

    def by_kind(self) -> dict[str, float]:
        """Accuracy of each kind, under the name `skill/kind`."""
        return {
            f"{skill}/{kind}": round(self.right[skill, kind] / asked, 4)
            for (skill, kind), asked in sorted(self.asked.items())
        }

    def by_skill(self) -> dict[str, float]:
        """Accuracy of each skill."""
        skills = sorted({skill for skill, _ in self.asked})
        return {
            skill: round(_of_skill(self.right, skill) / _of_skill(self.asked, skill), 4)
            for skill in skills
        }


def _of_skill(counts: Counter[tuple[str, str]], wanted: str) -> int:
    return sum(count for (skill, _), count in counts.items() if skill == wanted)


def held_out(skill: str, n: int, seed: int) -> list[Question]:
    """Draw `n` held-out questions, no prompt twice."""
    rng, drawn = random.Random(seed), dict[str, Question]()
    for _ in range(50 * n):
        question = SKILLS[skill].draw(rng, "test")
        drawn.setdefault(question.prompt, question)
        if len(drawn) == n:
            break
    return list(drawn.values())


def examine(path: Path, questions: list[Question]) -> Score:
    """Ask every question of the model in the file at `path`."""
    asked, right = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    times_ms: list[float] = []
    with served(path) as url:
        for question in questions:
            started = time.perf_counter()
            reply = complete(url, question.prompt + "\n")
            times_ms.append(1000 * (time.perf_counter() - started))
            asked[question.skill, question.kind] += 1
            right[question.skill, question.kind] += is_correct(question, answer_of(reply))
    return Score(asked, right, statistics.median(times_ms))


def answer_of(reply: str) -> str:
    """Drop the scratch from a reply."""
    return reply.rpartition(END_THINK)[2]


@contextmanager
def served(path: Path) -> Iterator[str]:
    """Serve the file on loopback for as long as the context lasts."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 256
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server


def complete(url: str, prompt: str) -> str:
    """Continue a prompt greedily."""
    body = {"prompt": prompt, "temperature": 0, "n_predict": _MAX_TOKENS, "cache_prompt": False}
    request = urllib.request.Request(  # noqa: S310 - the server is our own, on loopback
        f"{url}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
        return json.load(response)["content"]
