"""Labelled texts: questions of the skills, and prompts of public sets that no skill covers."""

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from zlib import crc32

from modelnet.service.kind import OTHER
from modelnet.service.skill import SKILLS, Part, arithmetic, date, draw, fact, logic, text

SETS = ("mmlu_pro", "zeroeval")
"""Prompts whose licences (Apache-2.0, MIT) allow fitting what is shipped."""
N_FOLDS = 5


class Example(NamedTuple):
    """A text, its kind, and the fold its wording belongs to; `None` when it has but one."""

    text: str
    kind: str
    fold: int | None


class Wordings:
    """Tells which of a skill's wordings a question was phrased in."""

    def __init__(self) -> None:
        """Collect the templates from the modules of the skills."""
        modules = (arithmetic, date, fact, logic, text)
        templates = [t for module in modules for t in _templates(vars(module).values())]
        # Those with most letters of their own first: "{a} + {b} = ?" before "{e} = ?".
        templates.sort(key=lambda t: len(re.sub(r"\{\w+\}", "", t)), reverse=True)
        self._patterns = [(_pattern(t), crc32(t.encode()) % N_FOLDS) for t in templates]

    def fold(self, prompt: str) -> int | None:
        """Return the fold of the wording, the same for all questions phrased in it."""
        matches = (fold for pattern, fold in self._patterns if pattern.fullmatch(prompt))
        return next(matches, None)


def _templates(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, str) and "{" in item)


def _pattern(template: str) -> re.Pattern[str]:
    literals = re.split(r"\{\w+\}", template.rstrip("?."))
    return re.compile("(.+)".join(map(re.escape, literals)) + "[?.]?", re.IGNORECASE | re.DOTALL)


def skill_examples(part: Part, n_per_skill: int, seed: int) -> list[Example]:
    """Draw questions of every skill; those of the test part are only for the final report."""
    rng, wordings = random.Random(seed), Wordings()
    drawn = [draw(skill, rng, part) for skill in SKILLS for _ in range(n_per_skill)]
    return [Example(q.prompt, q.skill, wordings.fold(q.prompt)) for q in drawn]


def other_examples(data: Path, part: Literal["train", "dev"], seed: int) -> list[Example]:
    """Read the prompts of the public sets, whole and in pieces as short as people's questions."""
    rng = random.Random(seed)
    examples: list[Example] = []
    for name in SETS:
        with gzip.open(data / name / f"{part}_queries.jsonl.gz", "rt", encoding="utf-8") as lines:
            prompts = [json.loads(line)["prompt"] for line in lines]
        for i, prompt in enumerate(prompts):
            pieces = _pieces(prompt, rng)
            examples += (Example(piece, OTHER, i % N_FOLDS) for piece in pieces)
    return examples


def _pieces(prompt: str, rng: random.Random) -> list[str]:
    question = re.split(r"\nA\. ", prompt)[0]
    sentences = [s for s in re.split(r"(?<=[.?!])\s+|\n+", question) if len(s) > 8]
    short = rng.sample(sentences, k=min(2, len(sentences)))
    return [prompt, question, *short, _asked_for(rng.choice(short or [question]), rng)]


_REQUESTS = (
    "Explain {}", "Write a short story about {}", "Write a poem about {}", "Summarize this: {}",
    "Translate into French: {}", "Tell me about {}", "Write an e-mail about {}", "Why {}?",
    "Write a Python function for {}", "Give me ideas for {}", "How do I learn about {}?",
    "What do you think of {}?", "Help me with {}", "Rewrite politely: {}",
    "Describe {}", "What are the advantages of {}?", "Who invented {}?", "How does {} work?",
    "Draft a plan for {}", "What is {}?", "Define {}.", "Discuss {}.", "Compare {} and others",
)  # fmt: skip


def _asked_for(sentence: str, rng: random.Random) -> str:
    """Ask for something to be done with a few words of a sentence, as people do in a chat."""
    words = sentence.rstrip(".?!").split()
    start = rng.randrange(max(1, len(words) - 2))
    return rng.choice(_REQUESTS).format(" ".join(words[start : start + rng.randint(1, 6)]))


_BEFORE = (
    "Please tell me: ", "Hello! ", "Hi, ", "Quick question: ", "I would like to know: ",
    "Question: ", "Could you help? ", "Answer this. ", "Q: ", "Please answer: ", "Hey, ",
)  # fmt: skip
_AFTER = (
    " Thanks!", " Please answer briefly.", " Just the answer.", " Be short.", " please", "\n",
    " Think carefully.", " Thank you.", " Only answer, no explanation.", " A:",
)  # fmt: skip


def varied(examples: Sequence[Example], seed: int) -> list[Example]:
    """Return the examples worded as carelessly and politely as people write, every kind alike."""
    rng = random.Random(seed)
    return [example._replace(text=_varied(example.text, rng)) for example in examples]


def _varied(text: str, rng: random.Random) -> str:
    if rng.random() < 0.25:
        text = _word_lost(text, rng)
    if rng.random() < 0.15:
        text = _mistyped(text, rng)
    if rng.random() < 0.15:
        text = rng.choice(_BEFORE) + text
    if rng.random() < 0.15:
        text += rng.choice(_AFTER)
    if rng.random() < 0.1:
        text = rng.choice((text.upper(), text.lower()))
    return text


def _word_lost(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    if len(words) > 3:
        del words[rng.randrange(len(words))]
    return " ".join(words)


def _mistyped(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text))
    return rng.choice(
        (
            text[:place] + text[place + 1 :],
            text[:place] + text[place] + text[place:],
            text[:place] + text[place : place + 2][::-1] + text[place + 2 :],
        )
    )
