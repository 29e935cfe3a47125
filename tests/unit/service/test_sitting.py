"""Adaptive exams: fewer questions, spent where they tell something."""

import math
import random
import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.standing import Tally
from modelnet.service.exam import Exam
from modelnet.service.sitting import LEAST, NEAR, SOON, AdaptiveSitting, FixedSitting, Sitting
from modelnet.service.skill import SKILLS, Question, Skill, is_held_out

ALL = tuple(SKILLS)
PER_SKILL = 12
Answer = Callable[[Question], bool]


def sit(sitting: Sitting, answer: Answer) -> list[Question]:
    """Hold the exam to its end."""
    asked: list[Question] = []
    while (question := sitting.draw()) is not None:
        asked.append(question)
        sitting.note(question.skill, is_right=answer(question))
    return asked


def counts(asked: list[Question]) -> dict[str, int]:
    return {skill: sum(question.skill == skill for question in asked) for skill in ALL}


def adaptive(seed: int = 1, rivals: Mapping[str, float] | None = None) -> AdaptiveSitting:
    return AdaptiveSitting(Exam(ALL, seed, PER_SKILL), rivals or {})


def test_a_fixed_sitting_asks_the_questions_of_its_exam() -> None:
    exam = Exam(("arithmetic", "logic"), 5, 4)
    sitting = FixedSitting(exam)
    assert sitting.most == 8
    assert sit(sitting, lambda _: True) == list(exam.questions())
    assert sitting.draw() is None


def test_it_is_repeatable_from_its_seed_and_only_from_it() -> None:
    first, again, other = (sit(adaptive(seed), lambda _: True) for seed in (1, 1, 2))
    assert first == again != other


def test_all_its_questions_are_held_out() -> None:
    assert all(is_held_out(question.key) for question in sit(adaptive(), lambda _: False))


def test_who_is_always_right_is_soon_known() -> None:
    asked = sit(adaptive(), lambda _: True)
    assert set(counts(asked).values()) == {SOON}


def test_a_skill_that_varies_is_asked_more_than_those_that_do_not() -> None:
    rng = random.Random(1)
    asked = counts(sit(adaptive(), lambda q: q.skill != "text" or rng.random() < 0.5))
    assert asked["text"] > PER_SKILL
    assert all(asked[skill] == SOON for skill in ALL if skill != "text")


def test_kinds_of_question_come_in_turn() -> None:
    asked = [q.kind for q in sit(AdaptiveSitting(Exam(("arithmetic",), 3, 6), {}), lambda _: False)]
    assert len(asked) == 6
    assert set(asked[:3]) == set(asked[3:]) == set(SKILLS["arithmetic"].kinds)


def test_who_is_beyond_reach_of_the_best_is_let_go() -> None:
    asked = sit(adaptive(rivals=dict.fromkeys(ALL, 0.95)), lambda _: False)
    assert set(counts(asked).values()) == {LEAST}


def test_an_unknown_skill_cannot_be_examined() -> None:
    with pytest.raises(KeyError):
        AdaptiveSitting(Exam(("juggling",), 1), {})


@given(
    st.integers(0, 2**62), st.floats(0, 1), st.dictionaries(st.sampled_from(ALL), st.floats(0, 1))
)
def test_it_ends_within_its_budget_and_asks_every_skill(
    seed: int, rate: float, rivals: dict[str, float]
) -> None:
    rng = random.Random(seed)
    asked = sit(adaptive(seed, rivals), lambda _: rng.random() < rate)
    assert len(asked) <= len(ALL) * PER_SKILL
    assert min(counts(asked).values()) >= LEAST


class Candidate:
    """A model whose rate on every kind of question is known: specialist, generalist or bluffer."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        base, spread = self._talents()
        self.rates = {
            skill: {kind: self._near(base[skill], spread) for kind in SKILLS[skill].kinds}
            for skill in ALL
        }
        self.true = {skill: statistics.fmean(rates.values()) for skill, rates in self.rates.items()}

    def _talents(self) -> tuple[dict[str, float], float]:
        form = self._rng.choices(("specialist", "generalist", "bluffer"), (5, 3, 2))[0]
        if form == "specialist":
            return dict.fromkeys(ALL, 0.06) | {self._rng.choice(ALL): 0.93}, 8
        if form == "bluffer":
            return dict.fromkeys(ALL, 0.03), 30
        talent = self._rng.betavariate(6, 2)
        return {s: min(0.98, max(0.02, self._rng.gauss(talent, 0.1))) for s in ALL}, 4

    def _near(self, mean: float, spread: float) -> float:
        return self._rng.betavariate(mean * spread, (1 - mean) * spread)

    def answers(self, question: Question) -> bool:
        return self._rng.random() < self.rates[question.skill][question.kind]


def root_mean_square(errors: list[float]) -> float:
    return math.sqrt(statistics.fmean(error**2 for error in errors))


def blank(skill: str, kind: str) -> Question:
    """A question that takes no time to draw: only its skill and kind are looked at."""
    return Question(skill, kind, "", "", HELD_OUT)


HELD_OUT = next(key for key in map(str, range(1000)) if is_held_out(key))
BLANK = {
    name: Skill(name, "", {kind: lambda _, s=name, k=kind: blank(s, k) for kind in skill.kinds})
    for name, skill in SKILLS.items()
}


class FixedLength:
    """As many questions on every skill, each of a kind drawn by chance, as a fixed exam has."""

    def __init__(self, rng: random.Random) -> None:
        self._left = [s.draw(rng, "test") for s in BLANK.values() for _ in range(PER_SKILL)]
        self.most = len(self._left)

    def draw(self) -> Question | None:
        return self._left.pop() if self._left else None

    def note(self, skill: str, *, is_right: bool) -> None:
        pass


class Told(NamedTuple):
    """What exams of many candidates cost, and how wrong they were."""

    questions: float
    error: float
    """Root mean square, of the rates where a candidate comes near the best model known."""
    regret: float
    """What is lost by choosing between the candidate and the best known by what the exam said."""


def hold_many(
    best: float | None, make: Callable[[random.Random, dict[str, float]], Sitting]
) -> Told:
    rng = random.Random(5)
    errors: list[float] = []
    regrets: list[float] = []
    asked = 0
    for _ in range(CANDIDATES):
        candidate = Candidate(rng)
        rivals = {skill: best or rng.choice((0.3, 0.5, 0.7, 0.9)) for skill in ALL}
        tallies = dict.fromkeys(ALL, Tally())
        sitting = make(rng, rivals)
        while (question := sitting.draw()) is not None:
            right = candidate.answers(question)
            sitting.note(question.skill, is_right=right)
            tallies[question.skill] += Tally(float(right), 1.0)
            asked += 1
        for skill, rival in rivals.items():
            true, estimate = candidate.true[skill], tallies[skill].mean(0.5, 1.0)
            errors += [estimate - true] * (true >= rival - NEAR)
            regrets.append(max(true, rival) - (true if estimate > rival else rival))
    return Told(asked / CANDIDATES, root_mean_square(errors), statistics.fmean(regrets))


CANDIDATES = 2000


@pytest.mark.parametrize(
    ("best", "share"),
    [pytest.param(0.9, 0.6, id="a good rival"), pytest.param(None, 0.68, id="rivals of all kinds")],
)
def test_it_saves_questions_at_no_larger_error(best: float | None, share: float) -> None:
    fixed = hold_many(best, lambda rng, _: FixedLength(rng))
    shorter = hold_many(
        best,
        lambda rng, rivals: AdaptiveSitting(
            Exam(ALL, rng.getrandbits(62), PER_SKILL), rivals, BLANK
        ),
    )
    print(f"fixed {fixed}, adaptive {shorter}")
    assert shorter.questions <= share * fixed.questions
    assert shorter.error <= fixed.error
    assert shorter.regret <= fixed.regret
