"""Training examples: questions drawn without end, encoded and batched by length."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from modelnet.service.skill import SKILLS, Question
from recipes.zoo.tokenizer import TextEncoder

Kind: TypeAlias = tuple[str, str]  # skill and kind of question

IGNORED = -100
_POOL_SIZE = 1024
_P_CONTINUE = 0.1
_LEAST_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of a question and its answer; the loss counts from position `graded_from` on."""

    tokens: list[int]
    graded_from: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs (batch, seq) int64 and, shifted by one, targets of the same shape."""

    inputs: Tensor
    targets: Tensor


class Curriculum:
    """Draws training questions, more often of the kinds a model still gets wrong."""

    def __init__(self, skills: tuple[str, ...], rng: random.Random) -> None:
        self._rng = rng
        self.kinds = [(skill, kind) for skill in skills for kind in SKILLS[skill].kinds]
        self._weights = [1 / len(SKILLS[skill].kinds) for skill, _ in self.kinds]

    def draw(self) -> Question:
        """Draw a question that is not held out."""
        skill, kind = self._rng.choices(self.kinds, self._weights)[0]
        return SKILLS[skill].draw(self._rng, "train", kind)

    def reweigh(self, error_rates: dict[Kind, float]) -> None:
        """Give each kind a share that grows with its error rate."""
        self._weights = [_LEAST_SHARE + error_rates[kind] for kind in self.kinds]


def batches(
    curriculum: Curriculum, encoder: TextEncoder, rng: random.Random, batch_tokens: int
) -> Iterator[Batch]:
    """Yield batches of about `batch_tokens` tokens, each of examples of similar length."""
    while True:
        pool = [example(curriculum.draw(), encoder, rng) for _ in range(_POOL_SIZE)]
        pool.sort(key=lambda item: len(item.tokens))
        groups = list(_grouped(pool, batch_tokens))
        rng.shuffle(groups)
        yield from map(padded, groups)


def example(question: Question, encoder: TextEncoder, rng: random.Random) -> Example:
    """Encode a question for training, now and then as the continuation of a started answer."""
    if rng.random() >= _P_CONTINUE or len(question.answer) == 1:
        return plain_example(question, encoder)
    cut = rng.randint(1, len(question.answer) - 1)
    started = encoder.encode(f"{question.prompt}\n") + encoder.encode(question.answer[:cut])
    rest = encoder.encode(question.answer[cut:])
    return Example([*started, *rest, encoder.end], len(started))


def plain_example(question: Question, encoder: TextEncoder) -> Example:
    """Encode a question and its whole reply."""
    prompt = encoder.encode(f"{question.prompt}\n")
    return Example(prompt + reply_tokens(question, encoder), len(prompt))


def reply_tokens(question: Question, encoder: TextEncoder) -> list[int]:
    """Encode the whole reply: the scratch between its marks, the answer, the end."""
    answer = [*encoder.encode(question.answer), encoder.end]
    if not question.scratch:
        return answer
    return [encoder.think, *encoder.encode(question.scratch), encoder.end_think, *answer]


def _grouped(pool: list[Example], batch_tokens: int) -> Iterator[list[Example]]:
    group: list[Example] = []
    for item in pool:
        if group and (len(group) + 1) * len(item.tokens) > batch_tokens:
            yield group
            group = []
        group.append(item)
    yield group


def padded(group: list[Example]) -> Batch:
    """Stack examples; what is not graded, padding included, is ignored by the loss."""
    longest = max(len(item.tokens) for item in group) - 1
    inputs = np.zeros((len(group), longest), dtype=np.int64)
    targets = np.full((len(group), longest), IGNORED, dtype=np.int64)
    for row, item in enumerate(group):
        inputs[row, : len(item.tokens) - 1] = item.tokens[:-1]
        graded = item.tokens[item.graded_from :]
        targets[row, item.graded_from - 1 : len(item.tokens) - 1] = graded
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets))
