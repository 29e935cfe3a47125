"""The evidence on one model of one node, by whose it is and how old."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.request import Operation
from modelnet.core.standing import NEVER_MEASURED, Speed, Standing, Tally
from modelnet.service.change import STEADY, Cusum, Sum, share_kept
from modelnet.service.sender import agreement
from modelnet.service.skill import SKILLS
from modelnet.service.speed import own_or_median, speed_in
from modelnet.service.spread import UNKNOWN, Spread
from modelnet.service.standing.belief import Belief

Cached: TypeAlias = tuple[ModelCard, float, Belief]
"""What was believed of a model by its card, and when that was computed."""

HALF_LIFE_S = 24 * 3600.0
"""Evidence this old counts half."""
OTHERS_CAP = 32.0
"""Questions at most that all others together count."""

_REPORT_CAP = 24.0
"""Questions at most that are believed of one report: writing a larger number costs nothing."""
_EXAMINERS_KEPT = 8
_COMPARABLE_S = 3600.0
"""A report newer by more than this than own experience may tell of a model that has changed."""


class Dated(NamedTuple):
    """A tally and the moment its evidence counts in full."""

    tally: Tally
    at: float

    def faded(self, now: float) -> Tally:
        """Return what of it counts now."""
        return self.tally.weighted(0.5 ** (max(0.0, now - self.at) / HALF_LIFE_S))


class Discount(NamedTuple):
    """What a change did to the evidence, over the kinds it was seen on."""

    before: Tally
    since: Tally
    kept: float
    """Share of everything older that still counts."""


@dataclass(slots=True)
class Entry:
    """What is known of one model of one node."""

    own: dict[str, Dated] = field(default_factory=dict[str, Dated])
    own_exam_at: float = -math.inf
    reports: dict[NodeId, Standing] = field(default_factory=dict[NodeId, Standing])
    speed: Speed = NEVER_MEASURED
    calls_s: dict[Operation, float] = field(default_factory=dict[Operation, float])
    spread: Spread = UNKNOWN
    cusum: Cusum = STEADY
    cached: Cached | None = None
    measured: tuple[float, Mapping[str, Tally]] | None = None
    """The evidence on every skill and when it was computed, for models that are like this one."""

    def add(self, kind: str, tally: Tally, at: float) -> None:
        """Pool in what this node saw itself."""
        known = self.own.get(kind, Dated(Tally(), at))
        self.own[kind] = Dated(known.faded(at) + tally, max(at, known.at))

    def report(self, standing: Standing) -> None:
        """Keep a report beside, or in the place of, what its examiner told before."""
        known = self.reports.get(standing.examiner)
        told = {s: capped(t, _REPORT_CAP) for s, t in standing.skills.items() if s in SKILLS}
        skills = (known.skills if known is not None else {}) | told
        self.reports[standing.examiner] = msgspec.structs.replace(standing, skills=skills)
        if len(self.reports) > _EXAMINERS_KEPT:
            oldest = min(self.reports.values(), key=lambda report: report.measured_at)
            del self.reports[oldest.examiner]

    def comparable(self, kind: str, now: float) -> Iterable[tuple[NodeId, Tally, Tally]]:
        """Return, for every report on a kind this node knows itself, the report and what it knows.

        Each is an examiner, the own tally and the one it told.
        """
        own = self.own.get(kind)
        if own is None:
            return
        for report in self.reports.values():
            if kind in report.skills and _is_comparable(own, report):
                yield report.examiner, own.faded(now), _told(report, kind, now)

    def evidence(self, kind: str, now: float, weight: Callable[[NodeId], float]) -> Tally:
        """Return what counts on one kind: one's own in full, others' as far as each is trusted.

        Who contradicts what this node measured of this very model counts less here, whatever its
        name elsewhere.
        """
        known = self.own.get(kind)
        own = Tally() if known is None else known.faded(now)
        others = Tally()
        for report in self.reports.values():
            if kind in report.skills:
                told = _told(report, kind, now)
                agreed = agreement(own, told) if _is_comparable(known, report) else None
                counts = weight(report.examiner) * (1.0 if agreed is None else agreed)
                others += told.weighted(counts)
        return own + capped(others, OTHERS_CAP)

    def believed_speed(self) -> Speed:
        """Return the speed seen, or else the median of what examiners told."""
        return own_or_median(self.speed, [speed_in(report) for report in self.reports.values()])

    def discount(self, change: Sum, now: float) -> Discount:
        """Keep of what is older than a change only as much as what was seen since supports."""
        old = {kind: _less(d.faded(now), change.seen.get(kind)) for kind, d in self.own.items()}
        share = share_kept(old, change.seen)
        for kind, tally in old.items():
            since = change.seen.get(kind, Tally())
            self.own[kind] = Dated(tally.weighted(share) + since, now)
        for who, report in self.reports.items():
            if report.measured_at < change.since:
                self.reports[who] = _weighted(report, share)
        self.cusum = STEADY
        before = sum((old[kind] for kind in change.seen), Tally())
        return Discount(before, sum(change.seen.values(), Tally()), share)


def capped(tally: Tally, cap: float) -> Tally:
    """Return a tally of at most so many questions."""
    return tally if tally.asked <= cap else tally.weighted(cap / tally.asked)


def is_sane(standing: Standing) -> bool:
    """Tell whether the numbers can be true: reports come from strangers."""
    numbers = (
        standing.latency_s,
        standing.tokens_per_answer,
        standing.measured_at,
        standing.first_token_s or 0.0,
        standing.tokens_per_s or 0.0,
    )
    return all(math.isfinite(number) and number >= 0.0 for number in numbers) and all(
        0.0 <= tally.right <= tally.asked < math.inf for tally in standing.skills.values()
    )


def _is_comparable(own: Dated | None, report: Standing) -> bool:
    """Tell whether a report and own experience are of one time."""
    return own is not None and report.measured_at <= own.at + _COMPARABLE_S


def _told(report: Standing, kind: str, now: float) -> Tally:
    return Dated(report.skills[kind], report.measured_at).faded(now)


def _weighted(report: Standing, share: float) -> Standing:
    skills = {kind: tally.weighted(share) for kind, tally in report.skills.items()}
    return msgspec.structs.replace(report, skills=skills)


def _less(tally: Tally, part: Tally | None) -> Tally:
    """Return a tally without a part of it that may have been counted more exactly."""
    if part is None:
        return tally
    right = max(0.0, tally.right - part.right)
    wrong = max(0.0, tally.asked - tally.right - (part.asked - part.right))
    return Tally(right, right + wrong)
