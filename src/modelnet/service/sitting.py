"""Sittings: which question an exam asks next, and when it has asked enough. Pure.

A fixed exam asks as many questions on every skill. An adaptive one asks where the next answer tells
most of what routing needs to know, and stops when it knows it:

- The rate of a skill has a Beta posterior from Jeffreys' prior. One more answer is expected to
  lower its variance v by v / (n + 1), if n questions were asked: the skill where that is most is
  asked next. A skill where every answer is right, or every one wrong, is soon done.
- Where the best model known is beyond reach, how bad the newcomer is matters to nobody: v counts by
  the probability that the model comes near the best, at most v / (v + gap^2) (Cantelli).
- Within a skill the generator's kinds of question come in turn. They differ in how hard they are,
  and chance should not decide how many hard ones a model meets.

The tests compare both by simulation, of specialists, generalists and bluffers. Beside a model that
is .9 right an adaptive exam needs 33 questions where a fixed one has 60, beside rivals of all kinds
39. The errors where a model comes near the best, and what is lost by choosing by the exam, are then
smaller than the fixed exam's; only of a model out of reach less is known. Where there is no rival
yet, 58 are asked, for errors a seventh smaller.
"""

import random
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from modelnet.core.standing import Tally
from modelnet.service.exam import Exam
from modelnet.service.skill import SKILLS, Question, Skill

SURE = 0.07
"""Standard deviation of a rate at which it is known well enough."""
NEAR = 0.1
"""A model this much worse than the best is asked now and then: the best is busy, or dear."""
LEAST = 3
"""Questions on every skill, whatever else is known."""
SOON = 9
"""Questions on a skill after which a model that is always right is known well enough."""

_JEFFREYS = 0.5, 1.0


class Sitting(Protocol):
    """An exam as it goes."""

    @property
    def most(self) -> int:
        """Questions it asks at most."""
        ...

    def draw(self) -> Question | None:
        """Return the next question; `None`: it is over."""
        ...

    def note(self, skill: str, *, is_right: bool) -> None:
        """Take in the grade of a question."""
        ...


class FixedSitting:
    """As many questions on every skill, whatever the answers."""

    def __init__(self, exam: Exam) -> None:
        """Ask the questions of `exam`."""
        self._left = deque(exam.questions())
        self.most = len(self._left)

    def draw(self) -> Question | None:
        """Return the next question; `None`: it is over."""
        return self._left.popleft() if self._left else None

    def note(self, skill: str, *, is_right: bool) -> None:
        """Do nothing: the answers change nothing."""


class AdaptiveSitting:
    """The most informative question first, until enough is known."""

    def __init__(
        self,
        exam: Exam,
        rivals: Mapping[str, float],
        skills: Mapping[str, Skill] = SKILLS,
    ) -> None:
        """Ask at most as many questions as `exam`; `rivals` are the best rates known, by skill.

        Raises:
            KeyError: there is no skill of that name.
        """
        self.most = len(exam.skills) * exam.questions_per_skill
        self._rng = random.Random(exam.seed)  # noqa: S311 - repeatable from its seed, as all exams
        self._rivals = rivals
        self._skills = skills
        self._known = dict.fromkeys(self._shuffled(exam.skills), Tally())
        self._kinds = {
            skill: deque(self._shuffled(tuple(skills[skill].kinds))) for skill in self._known
        }
        self._asked = 0

    def draw(self) -> Question | None:
        """Return the next question; `None`: enough is known, or the budget is spent."""
        unsure = [skill for skill in self._known if self._is_unsure(skill)]
        if not unsure or self._asked == self.most:
            return None
        skill = max(unsure, key=self._gain)
        self._asked += 1
        self._kinds[skill].rotate(1)
        return self._skills[skill].draw(self._rng, "test", self._kinds[skill][0])

    def note(self, skill: str, *, is_right: bool) -> None:
        """Take in the grade of a question."""
        self._known[skill] += Tally(float(is_right), 1.0)

    def _is_unsure(self, skill: str) -> bool:
        return self._known[skill].asked < LEAST or self._variance(skill) > SURE**2

    def _gain(self, skill: str) -> tuple[bool, float]:
        """Return how much one more answer should tell; what is due to every skill comes first."""
        asked = self._known[skill].asked
        return asked < LEAST, self._variance(skill) / (asked + _JEFFREYS[1] + 1.0)

    def _variance(self, skill: str) -> float:
        """Return the variance of a rate, as far as it matters."""
        known = self._known[skill]
        variance = known.deviation(*_JEFFREYS) ** 2
        gap = self._rivals.get(skill, 0.0) - NEAR - known.mean(*_JEFFREYS)
        return variance if gap <= 0.0 else variance * variance / (variance + gap * gap)

    def _shuffled(self, names: tuple[str, ...]) -> list[str]:
        return self._rng.sample(names, len(names))
