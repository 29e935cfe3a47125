"""The course of a cascade: who is asked, and where it stops. Pure.

As in a Markov chain, one rung is remembered: how probably a rung is right depends on whether the
one below it was, and it agrees with that one or with nobody.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelnet.service.pathway.confidence import DEFAULT, Calibration, log_odds_of
from modelnet.service.pathway.ladder import after, enough, seconds
from modelnet.service.pathway.outlook import Outlook
from modelnet.service.pathway.prospect import Course, World
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored


class Stop(NamedTuple):
    """By what is seen of a rung's answer, whether the cascade stops there."""

    anyway: bool
    """Nothing speaks for it or against it."""
    agreed: bool
    """The rung below says the same."""
    proved: bool
    refuted: bool


class Reached(NamedTuple):
    """How probably a rung is asked, and right or wrong, with the one below it or against it."""

    right_alone: float
    wrong_alone: float
    right_agreed: float = 0.0
    wrong_agreed: float = 0.0

    @property
    def right(self) -> float:
        """How probably it is asked and right."""
        return self.right_alone + self.right_agreed

    @property
    def wrong(self) -> float:
        """How probably it is asked and wrong."""
        return self.wrong_alone + self.wrong_agreed


@dataclass(frozen=True, slots=True)
class Climb:
    """The way up a ladder. Where it stops was decided by what is believed; worlds differ."""

    stops: tuple[Stop, ...]
    """One a rung, but the last."""
    times_s: tuple[float, ...]
    is_provable: bool

    @classmethod
    def of(
        cls,
        rungs: Sequence[Scored],
        preference: Preference,
        outlook: Outlook,
        calibration: Calibration = DEFAULT,
    ) -> "Climb":
        """Return the way up these rungs."""
        stops = tuple(_stops(rungs, preference, calibration))
        return cls(stops, tuple(map(seconds, rungs)), outlook.is_provable)

    def course(self, world: World) -> Course:
        """Return what becomes of a task in a world."""
        reached = Reached(world.p[0], 1.0 - world.p[0])
        asked: list[float] = []
        p_right = silent_s = 0.0
        for i, stop in enumerate(self.stops):
            asked.append(reached.right + reached.wrong)
            silent_s += asked[-1] * self.times_s[i]
            told_right, told_wrong = self._told(stop, reached, world)
            p_right += told_right
            reached = _next(reached.right - told_right, reached.wrong - told_wrong, i, world)
        asked.append(reached.right + reached.wrong)
        # The last is told as it comes: until then nothing was said.
        latency_s = silent_s + asked[-1] * self.times_s[-1]
        return Course(p_right + reached.right, tuple(asked), latency_s, silent_s)

    def _told(self, stop: Stop, reached: Reached, world: World) -> tuple[float, float]:
        """Return how probably a right answer, and a wrong one, is told here."""
        if self.is_provable:
            passed = world.p_misjudged * reached.wrong
            return (
                stop.proved * reached.right,
                stop.proved * passed + stop.refuted * (reached.wrong - passed),
            )
        return (
            stop.anyway * reached.right_alone + stop.agreed * reached.right_agreed,
            stop.anyway * reached.wrong_alone + stop.agreed * reached.wrong_agreed,
        )


def _stops(rungs: Sequence[Scored], preference: Preference, known: Calibration) -> list[Stop]:
    odds = [log_odds_of(rung.quality.mean, known) for rung in rungs]
    stops: list[Stop] = []
    for i, upper in enumerate(rungs[1:]):
        p_asked = rungs[i].quality.mean
        p_enough = enough(upper, preference, p_asked=p_asked, calibration=known)
        own, below = odds[i], odds[max(0, i - 1)]
        agreed = max(own, below) + known.voice + known.independence * min(own, below)
        signs = own, agreed, own + known.right, own - known.right
        stops.append(Stop(*(_p_of(sign) >= p_enough for sign in signs)))
    return stops


def _next(right: float, wrong: float, rung: int, world: World) -> Reached:
    """Return what becomes of the tasks that go on beyond a rung, right and wrong there."""
    p, p_before = world.p[rung + 1], world.p[rung]
    same_right, mended = after(p, p_before, world.calibration)
    still_wrong = wrong * (1.0 - mended)
    seen_right = world.p_comparable * right * same_right
    seen_wrong = world.p_comparable * world.calibration.p_same_mistake * still_wrong
    return Reached(
        right * same_right - seen_right + wrong * mended,
        right * (1.0 - same_right) + still_wrong - seen_wrong,
        seen_right,
        seen_wrong,
    )


def _p_of(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))
