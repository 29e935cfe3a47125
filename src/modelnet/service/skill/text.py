"""Letters and words: reverse, sort, count, measure, capitals, spelling, repeating.

Half of the words are invented, so the distinct problems of each kind number in the hundred
thousands. `spell`, `repeat` and `reorder` have answers of up to about sixty characters.
"""

import random
from collections.abc import Callable, Sequence

from modelnet.service.skill.question import Question, Skill, phrase
from modelnet.service.skill.word import word, words

_REVERSE = (
    "Reverse the word {w}.",
    "Reverse '{w}'.",
    "Reverse the letters of {w}.",
    "Write {w} backwards.",
    "Write the word '{w}' backwards.",
    "What is {w} written backwards?",
    "What is '{w}' in reverse?",
)
_SORT = (
    "Sort the letters of {w}.",
    "Sort the letters of '{w}'.",
    "Sort the letters in the word {w}.",
    "Put the letters of {w} in alphabetical order.",
    "Arrange the letters of '{w}' in alphabetical order.",
)
_COUNT = (
    "How many times does the letter {c} occur in '{w}'?",
    "How many times does {c} appear in {w}?",
    "How often does the letter {c} occur in {w}?",
    "Count the letter {c} in '{w}'.",
    "How many letters {c} are there in {w}?",
)
_LENGTH = (
    "How many letters are in the word {w}?",
    "How many letters does '{w}' have?",
    "How long is the word {w}?",
    "What is the length of '{w}'?",
    "Count the letters of {w}.",
)
_CAPITALS = (
    "Write {w} in capital letters.",
    "Write '{w}' in upper case.",
    "Convert {w} to upper case.",
    "Put '{w}' in capitals.",
    "What is {w} in capital letters?",
)
_LETTER = (
    "What is the {n} letter of {w}?",
    "What is the {n} letter of '{w}'?",
    "Which letter comes {n} in {w}?",
    "Give the {n} letter of the word {w}.",
)
_SPELL = (
    "Spell the word {w} with dashes.",
    "Spell {w} with dashes.",
    "Spell out '{w}' with dashes.",
    "Put dashes between the letters of {w}.",
)
_REPEAT = (
    "Repeat '{w}' {n}.",
    "Repeat the words {w} {n}.",
    "Write '{w}' {n}.",
    "Say {w} {n}.",
)
_REORDER = (
    "Reverse the order of the words: {w}.",
    "Reverse the order of the words in '{w}'.",
    "Write the words {w} in reverse order.",
)

_ORDINALS = {"first": 0, "second": 1, "third": 2, "last": -1}
_TIMES = {"twice": 2, "three times": 3, "four times": 4}
_LONGEST_ANSWER = 60


def _reverse(rng: random.Random) -> Question:
    w = word(rng)
    return _question(rng, "reverse", _REVERSE, w, w[::-1])


def _sort(rng: random.Random) -> Question:
    w = word(rng)
    return _question(rng, "sort", _SORT, w, "".join(sorted(w)))


def _count(rng: random.Random) -> Question:
    w = word(rng)
    letter = rng.choice(w if rng.random() < 0.8 else "abcdefghijklmnopqrstuvwxyz")
    running = "".join(f"{c}{w[: i + 1].count(letter)}" for i, c in enumerate(w))
    return Question(
        skill="text",
        kind="count",
        prompt=phrase(rng, _COUNT, w=w, c=letter),
        answer=str(w.count(letter)),
        key=f"count {letter} {w}",
        scratch=running,
    )


def _length(rng: random.Random) -> Question:
    w = word(rng)
    numbered = "".join(f"{c}{i % 10}" for i, c in enumerate(w, 1))
    return _question(rng, "length", _LENGTH, w, str(len(w)), scratch=numbered)


def _capitals(rng: random.Random) -> Question:
    w = words(rng, 1, 2)
    return _question(rng, "capitals", _CAPITALS, w, w.upper(), case_matters=True)


def _letter(rng: random.Random) -> Question:
    w = word(rng)
    n = rng.choice(tuple(_ORDINALS)) if len(w) > 2 else "last"
    return Question(
        skill="text",
        kind="letter",
        prompt=phrase(rng, _LETTER, w=w, n=n),
        answer=w[_ORDINALS[n]],
        key=f"letter {n} {w}",
    )


def _spell(rng: random.Random) -> Question:
    w = _short_enough(lambda: words(rng, 1, 2), 2)
    return _question(rng, "spell", _SPELL, w, " ".join("-".join(part) for part in w.split()))


def _repeat(rng: random.Random) -> Question:
    n = rng.choice(tuple(_TIMES))
    w = _short_enough(lambda: words(rng, 1, 2), _TIMES[n])
    return Question(
        skill="text",
        kind="repeat",
        prompt=phrase(rng, _REPEAT, w=w, n=n),
        answer=" ".join([w] * _TIMES[n]),
        key=f"repeat {n} {w}",
    )


def _reorder(rng: random.Random) -> Question:
    w = _short_enough(lambda: words(rng, 2, 4), 1)
    return _question(rng, "reorder", _REORDER, w, " ".join(w.split()[::-1]))


def _short_enough(make: Callable[[], str], copies: int) -> str:
    """Draw until `copies` of the text, spaces between, fit into the longest answer."""
    while True:
        text = make()
        if (len(text) + 1) * copies <= _LONGEST_ANSWER:
            return text


def _question(
    rng: random.Random,
    kind: str,
    wordings: Sequence[str],
    w: str,
    answer: str,
    *,
    scratch: str = "",
    case_matters: bool = False,
) -> Question:
    return Question(
        skill="text",
        kind=kind,
        prompt=phrase(rng, wordings, w=w),
        answer=answer,
        key=f"{kind} {w}",
        scratch=scratch,
        case_matters=case_matters,
    )


SKILL = Skill(
    name="text",
    description="Reverses, sorts, counts, measures, capitalises, spells and repeats words.",
    kinds={
        "reverse": _reverse,
        "sort": _sort,
        "count": _count,
        "length": _length,
        "capitals": _capitals,
        "letter": _letter,
        "spell": _spell,
        "repeat": _repeat,
        "reorder": _reorder,
    },
)
