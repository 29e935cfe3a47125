"""The course of a race: all run, and the most probable answer is told. Pure.

Every pattern of who is right is weighed, runners being right or wrong together as far as what is
hard for one is hard for the next; wrong ones say the same, or each something else.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelnet.service.pathway.confidence import DEFAULT, Calibration, log_odds_of
from modelnet.service.pathway.ladder import after, mends, seconds
from modelnet.service.pathway.outlook import Outlook
from modelnet.service.pathway.prospect import Course, World
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored

Pattern = tuple[bool, ...]
"""Of each runner something that holds or does not: that it is right, for one."""


class Runner(NamedTuple):
    """What is believed of one who runs."""

    odds: float
    time_s: float


class Voices(NamedTuple):
    """Runners that say the same: what their answer weighs, and when it is decided."""

    odds: float
    time_s: float


class Case(NamedTuple):
    """One thing that may happen, and the end of it: how probably right, after how long."""

    who_is_right: Pattern
    is_alike: bool | None
    """Whether the wrong ones say the same; nothing where there are no two."""
    p_right: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Heat:
    """All that may happen. Who wins then was decided by what is believed; worlds differ."""

    cases: tuple[Case, ...]
    best_s: float
    """The time of the first, who answers where answers cannot be compared."""
    is_provable: bool

    @classmethod
    def of(
        cls, members: Sequence[Scored], outlook: Outlook, calibration: Calibration = DEFAULT
    ) -> "Heat":
        """Return the race of these members, whoever is right most often first."""
        runners = [Runner(log_odds_of(m.quality.mean, calibration), seconds(m)) for m in members]
        cases = _proved(runners) if outlook.is_provable else _compared(runners, calibration)
        return cls(tuple(cases), runners[0].time_s, outlook.is_provable)

    def course(self, world: World) -> Course:
        """Return what becomes of a task in a world."""
        same = world.calibration.p_same_mistake
        given = _given(world, len(self.cases[0].who_is_right))
        p_right = time_s = 0.0
        for who_is_right, is_alike, ends_right, takes_s in self.cases:
            p = _p_of(who_is_right, given)
            if is_alike is not None:
                p *= same if is_alike else 1.0 - same
            p_right += p * ends_right
            time_s += p * takes_s
        asked = (1.0,) * len(given)
        if self.is_provable:
            return Course(p_right * (1.0 - world.p_misjudged), asked, time_s, time_s)
        comparable = world.p_comparable
        p_right = comparable * p_right + (1.0 - comparable) * world.p[0]
        time_s = comparable * time_s + (1.0 - comparable) * self.best_s
        return Course(p_right, asked, time_s, time_s)


def most_gain(
    members: Sequence[Scored],
    best: Scored,
    preference: Preference,
    outlook: Outlook,
    calibration: Calibration = DEFAULT,
) -> float:
    """Return more than a race can gain, whoever is right most often first: a matter of moments.

    The first is outvoted only by two others together, and by one that a program proves.
    """
    first, *others = members
    where_first_fails = sorted(
        (mends(one.quality.mean, first.quality.mean, calibration) for one in others), reverse=True
    )
    rescued = sum(where_first_fails[0 if outlook.is_provable else 1 :])
    p_more = (1.0 - first.quality.mean) * min(1.0, rescued)
    sooner_s = max(0.0, seconds(best) - 2.0 * min(map(seconds, members)))
    paid_usd = sum(one.cost_usd for one in members) - best.cost_usd
    dearer = preference.p_per_dollar * paid_usd
    over_best = first.quality.mean + p_more - best.quality.mean
    return over_best + preference.p_per_second * sooner_s - dearer


def _proved(runners: Sequence[Runner]) -> Iterator[Case]:
    """Yield what may happen where a program knows a right answer when it comes."""
    slowest_s = max(one.time_s for one in runners)
    for pattern in itertools.product((True, False), repeat=len(runners)):
        right = [one.time_s for one, is_right in zip(runners, pattern, strict=True) if is_right]
        yield Case(pattern, None, float(bool(right)), min(right, default=slowest_s))


def _compared(runners: Sequence[Runner], known: Calibration) -> Iterator[Case]:
    """Yield what may happen where runners say the same or not: the heaviest answer wins."""
    slowest_s = max(one.time_s for one in runners)
    patterns = list(itertools.product((True, False), repeat=len(runners)))
    said = {pattern: _voices(pattern, runners, slowest_s, known) for pattern in patterns}
    for pattern in patterns:
        right, wrong = said[pattern], said[tuple([not is_right for is_right in pattern])]
        if pattern.count(False) < 2:
            yield _ended(pattern, None, right, wrong)
            continue
        yield _ended(pattern, True, right, wrong)
        best_wrong = Voices(runners[pattern.index(False)].odds, slowest_s)
        yield _ended(pattern, False, right, best_wrong)


def _ended(pattern: Pattern, is_alike: bool | None, right: Voices, wrong: Voices) -> Case:
    if right.odds == wrong.odds:
        return Case(pattern, is_alike, 0.5, max(right.time_s, wrong.time_s))
    is_right = right.odds > wrong.odds
    return Case(pattern, is_alike, float(is_right), (right if is_right else wrong).time_s)


def _voices(
    pattern: Pattern, runners: Sequence[Runner], slowest_s: float, known: Calibration
) -> Voices:
    """Return what those say together for whom a pattern holds: a pair ends the race."""
    group = [one for one, is_in in zip(runners, pattern, strict=True) if is_in]
    if not group:
        return Voices(float("-inf"), slowest_s)
    leading, *others = (one.odds for one in group)
    odds = leading + sum([known.voice + known.independence * more for more in others])
    return Voices(odds, sorted([one.time_s for one in group])[1] if others else slowest_s)


def _given(world: World, runners: int) -> list[tuple[float, float]]:
    """Return how probably each is right where the one before was, and where it was not."""
    first = world.p[0]
    later = [after(world.p[i], world.p[i - 1], world.calibration) for i in range(1, runners)]
    return [(first, first), *later]


def _p_of(pattern: Pattern, given: Sequence[tuple[float, float]]) -> float:
    p, was_wrong = 1.0, False
    for is_right, known in zip(pattern, given, strict=True):
        p *= known[was_wrong] if is_right else 1.0 - known[was_wrong]
        was_wrong = not is_right
    return p
