"""Streams of questions with what would be right to answer: as recorded, and with made variants.

Of a recorded set come its questions, each once; a third of them again later, word for word; a third
once more in other words, made by rule; and a third with a small change after which the answer is
another. Two recorded questions have the same answer where the models that are right answer alike.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from modelnet.core.error import InvalidRequestError
from modelnet.service.prediction.number import Floats
from modelnet.testbed.bench.cache.everyday import FRAMES, Topic
from modelnet.testbed.bench.routing.answer import reading_of
from modelnet.testbed.bench.routing.data import recorded, rows_of, unit_rows

RECORDED = ("mmlu_pro", "zeroeval", "routerbench_sub")
"""Sets whose questions have comparable answers, embeddings, and no tools."""
SHARE = 1.0 / 3.0

Origin: TypeAlias = Literal["question", "repeat", "paraphrase", "trap"]


class Asked(NamedTuple):
    """One question of a stream."""

    text: str
    origin: Origin
    truth: Hashable
    """Equal for questions that one answer is right for."""
    row: int | None
    """Where its embedding is recorded; nothing where it has to be made."""


_OPTION = re.compile(r"^\(?([A-J])[.):]\s*(.+?)\s*$", re.MULTILINE)
_REWORDINGS = (
    ("What is the ", "What's the "),
    ("Which of the following ", "Which one of the following "),
    ("Calculate ", "Compute "),
    ("Find ", "Determine "),
    ("How many ", "What is the number of "),
    ("Write a function ", "Please write a function "),
)
_OPPOSITES = (
    ("more", "less"),
    ("largest", "smallest"),
    ("highest", "lowest"),
    ("before", "after"),
    ("increase", "decrease"),
    ("first", "last"),
    ("left", "right"),
)
_NUMBER = re.compile(r"(?<![\w.])\d{1,6}(?![\w.])")


def everyday(topics: Sequence[Topic], rng: np.random.Generator) -> list[Asked]:
    """Return every wording and trap of every topic, in every frame, in a random order."""
    asked: list[Asked] = []
    for number, topic in enumerate(topics):
        for frame in FRAMES:
            asked += [Asked(frame.format(w), "paraphrase", number, None) for w in topic.wordings]
            for place, trap in enumerate(topic.traps):
                asked.append(Asked(frame.format(trap), "trap", (number, place), None))
    return _shuffled(asked, rng)


def of_set(folder: Path, part: str, rng: np.random.Generator) -> tuple[list[Asked], Floats]:
    """Return the stream of a recorded set, and the embeddings that are recorded.

    Raises:
        InvalidRequestError: a file is missing, or does not hold what it should; says which.
    """
    queries = rows_of(folder / f"{part}_queries.jsonl.gz")
    models, right, _ = recorded(folder, part)
    answers = rows_of(folder / f"{part}_answers.jsonl.gz")
    embeddings = unit_rows(folder / f"{part}_minilm.npy", len(queries))
    if embeddings is None or not len(queries) == len(answers) == len(right):
        raise InvalidRequestError(f"{folder / part}: queries, answers and embeddings must match.")
    asked: list[Asked] = []
    for row, (query, answer) in enumerate(zip(queries, answers, strict=True)):
        prompt = str(query.get("prompt", ""))
        truth = truth_of(prompt, answer, models, right[row])
        if truth is not None:
            asked += _variants(prompt, truth, row, rng)
    return _shuffled(asked, rng), embeddings


def truth_of(
    prompt: str, answers: Mapping[str, Any], models: Sequence[str], right: Floats
) -> Hashable | None:
    """Return what most of the right models said; a letter stands for the option it names."""
    readings = [reading_of(answers.get(model), ()).key for model in models]
    said = Counter(key for key, p in zip(readings, right, strict=True) if p >= 1.0 and key)
    if not said:
        return None
    truth = said.most_common(1)[0][0]
    return dict(_OPTION.findall(prompt)).get(str(truth), truth)


def paraphrased(prompt: str, rng: np.random.Generator) -> str:
    """Return the prompt in other words, as far as a rule can say the same."""
    for old, new in _REWORDINGS:
        if old in prompt and rng.random() < 0.5:
            prompt = prompt.replace(old, new, 1)
    return FRAMES[int(rng.integers(1, len(FRAMES)))].format(prompt)


def trapped(prompt: str, rng: np.random.Generator) -> str | None:
    """Return the prompt with a number, an opposite or a negation changed; nothing without any."""
    changes = [made for made in _changes(prompt) if made != prompt]
    return changes[int(rng.integers(len(changes)))] if changes else None


def _changes(prompt: str) -> Iterator[str]:
    numbers = list(_NUMBER.finditer(prompt))
    if numbers:
        last = numbers[-1]
        yield f"{prompt[: last.start()]}{int(last[0]) + 1}{prompt[last.end() :]}"
    for one, two in _OPPOSITES:
        yield re.sub(rf"\b{one}\b", two, prompt, count=1)
    yield re.sub(r"\b(is|are|can|does|did)\b(?! not)", r"\1 not", prompt, count=1)


def _variants(prompt: str, truth: Hashable, row: int, rng: np.random.Generator) -> Iterator[Asked]:
    yield Asked(prompt, "question", truth, row)
    if rng.random() < SHARE:
        yield Asked(prompt, "repeat", truth, row)
    if rng.random() < SHARE:
        yield Asked(paraphrased(prompt, rng), "paraphrase", truth, None)
    if rng.random() < SHARE and (trap := trapped(prompt, rng)) is not None:
        yield Asked(trap, "trap", ("trap", row), None)


def _shuffled(asked: list[Asked], rng: np.random.Generator) -> list[Asked]:
    return [asked[int(place)] for place in rng.permutation(len(asked))]
