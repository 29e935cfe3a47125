import random
import re
from collections import Counter

import pytest

from modelnet.service.skill import SKILLS
from modelnet.service.skill.word import COMMON, invented

TEXT = SKILLS["text"]


def drawn(kind: str, n: int = 300):
    rng = random.Random(1)
    return [TEXT.draw(rng, "test", kind) for _ in range(n)]


@pytest.mark.parametrize(
    ("kind", "solve"),
    [
        ("reverse", lambda w: "".join(reversed(w))),
        ("sort", lambda w: "".join(c * n for c, n in sorted(Counter(w).items()))),
        ("length", lambda w: str(sum(1 for _ in w))),
        ("capitals", lambda w: "".join(chr(ord(c) - 32) if c != " " else c for c in w)),
        ("spell", lambda w: re.sub(r"(?<=\S)(?=\S)", "-", w)),
        ("reorder", lambda w: " ".join(reversed(w.split()))),
    ],
)
def test_answers_are_right(kind, solve) -> None:
    for question in drawn(kind):
        subject = question.key.removeprefix(f"{kind} ")
        assert subject in question.prompt
        assert question.answer == solve(subject)


def test_counts_are_right() -> None:
    for question in drawn("count"):
        _, letter, w = question.key.split()
        assert w in question.prompt
        assert int(question.answer) == len(w) - len(w.replace(letter, ""))
        assert question.scratch[::2] == w
        assert question.scratch[-1] == question.answer


def test_letters_are_right() -> None:
    for question in drawn("letter"):
        _, place, w = question.key.split()
        assert place in question.prompt
        letters = {"first": w[:1], "second": w[1:2], "third": w[2:3], "last": w[-1:]}
        assert question.answer == letters[place] != ""


def test_repetitions_are_right() -> None:
    for question in drawn("repeat"):
        subject = re.fullmatch(r"repeat (?:twice|\w+ times) (.+)", question.key)[1]
        copies = {"twice": 2, "three": 3, "four": 4}[question.key.split()[1]]
        assert question.answer.split(subject) == ["", *[" "] * (copies - 1), ""]


def test_only_capitals_depend_on_case() -> None:
    assert {kind for kind in TEXT.kinds for q in drawn(kind, 5) if q.case_matters} == {"capitals"}


def test_words_are_short_lower_case_and_common_ones_listed_once() -> None:
    rng = random.Random(2)
    words = [*COMMON, *(invented(rng) for _ in range(2000))]
    assert all(re.fullmatch("[a-z]{2,10}", w) for w in words)
    assert len(set(COMMON)) == len(COMMON) > 300
