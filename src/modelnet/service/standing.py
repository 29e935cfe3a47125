"""What this node believes of every model: its own measurements, others' reports, and the claim.

Evidence is weighed by whose it is. Own measurements count in full. Another examiner's count half,
and all others together no more than `_OTHERS_CAP` questions a skill, so that no crowd outvotes a
long experience. What an owner reports of its own model counts nothing. The card's claim is a prior
worth two questions. All evidence fades with age, since models and machines change.

A model of the same name on another node is judged by what was measured of that node alone: a name
is only a claim. Pure: `now` (Unix seconds) is an argument.
"""

import math
import statistics
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.request import Operation
from modelnet.core.standing import NEVER_MEASURED, Speed, Standing, Tally
from modelnet.service.kind import KINDS, OTHER, TaskKind
from modelnet.service.skill import SKILLS
from modelnet.service.speed import blended, own_or_median, smoothed, speed_in, speed_of
from modelnet.service.timing import STREAMED, Timing

HALF_LIFE_S = 24 * 3600.0
"""Evidence this old counts half."""
CAPACITY = 16_384
"""Models of nodes remembered; those not heard of for longest are forgotten first."""

_OTHERS_WEIGHT = 0.5
_OTHERS_CAP = 32.0
_REPORT_CAP = 24.0
"""Questions at most that are believed of one report: writing a larger number costs nothing."""
_EXAMINERS_KEPT = 8
_PRIOR_ASKED = 2.0
_P_CLAIMED = 0.6
_P_UNSAID = 0.4
"""The model claims no skill at all, as general models do."""
_P_UNCLAIMED = 0.2
_BELIEF_VALID_S = 60.0
"""Fading is slow: a belief this young need not be computed again."""


class Estimate(NamedTuple):
    """A probability of a right answer: posterior mean, standard deviation, weight of evidence."""

    mean: float
    deviation: float
    asked: float
    """Questions the estimate rests on, discounted by source and age; 0 when only claims exist."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one model of one node."""

    kinds: Mapping[str, Estimate]
    speed: Speed = NEVER_MEASURED
    calls_s: Mapping[Operation, float] = field(default_factory=dict[Operation, float])
    """Time of one answer to each operation whose answers are no streams of tokens."""

    def expected_s(self, operation: Operation, max_tokens: int | None) -> float | None:
        """Return the time of an answer when no queue is ahead of it; `None`: never measured."""
        if operation in STREAMED:
            return self.speed.expected_s(max_tokens)
        return self.calls_s.get(operation)

    def probability(self, kind: TaskKind) -> Estimate:
        """Return the estimate for a task whose kind is uncertain: a mixture over the kinds."""
        mean = second_moment = asked = 0.0
        for name, p in kind.p.items():
            estimate = self.kinds[name]
            mean += p * estimate.mean
            second_moment += p * (estimate.deviation**2 + estimate.mean**2)
            asked += p * estimate.asked
        return Estimate(mean, math.sqrt(max(0.0, second_moment - mean**2)), asked)


class _Dated(NamedTuple):
    """A tally and the moment its evidence counts in full."""

    tally: Tally
    at: float

    def faded(self, now: float) -> Tally:
        return self.tally.weighted(0.5 ** (max(0.0, now - self.at) / HALF_LIFE_S))


@dataclass(slots=True)
class _Entry:
    own: dict[str, _Dated] = field(default_factory=dict[str, _Dated])
    own_exam_at: float = -math.inf
    reports: dict[NodeId, Standing] = field(default_factory=dict[NodeId, Standing])
    speed: Speed = NEVER_MEASURED
    calls_s: dict[Operation, float] = field(default_factory=dict[Operation, float])
    cached: tuple[ModelCard, float, Belief] | None = None


class Beliefs:
    """Everything believed of every model, folded from reports and observations as they come."""

    def __init__(self, me: NodeId, capacity: int = CAPACITY) -> None:
        """Believe nothing yet; `me` is the node whose measurements count in full."""
        self._me = me
        self._capacity = capacity
        self._entries: OrderedDict[tuple[NodeId, str], _Entry] = OrderedDict()

    def record(self, standing: Standing, now: float) -> None:
        """Take in an exam's result, one's own or a report; nonsense and old news change nothing."""
        if not _is_sane(standing):
            return
        if standing.examiner == self._me:
            self._record_own(standing)
        elif standing.examiner != standing.node:
            self._record_report(standing, now)

    def observe(
        self,
        node: NodeId,
        model: str,
        kind: TaskKind,
        p_right: float,
        now: float,
        *,
        weight: float = 1.0,
    ) -> None:
        """Take in a verdict on one answer, shared among the kinds the task may have been of.

        `weight` is how much of the answer the model gave.
        """
        entry = self._entry(node, model)
        for name, p in kind.p.items():
            _add(entry, name, Tally(p * p_right, p).weighted(weight), now)

    def observe_speed(self, node: NodeId, model: str, timing: Timing, tokens: float) -> None:
        """Take in how fast a whole answer came, waiting in queues excluded, and its length."""
        entry = self._recent(node, model)
        entry.speed = blended(entry.speed, speed_of(timing, tokens))
        _renew_speed(entry)

    def observe_call(self, node: NodeId, model: str, operation: Operation, took_s: float) -> None:
        """Take in how long an answer of one chunk took, waiting in queues excluded."""
        entry = self._recent(node, model)
        entry.calls_s[operation] = smoothed(entry.calls_s.get(operation), took_s)
        _renew_speed(entry)

    def measured(
        self, node: NodeId, model: str, operation: Operation
    ) -> tuple[float | None, float | None]:
        """Return the times of the first token and of a whole answer that this node measured."""
        entry = self._entries.get((node, model)) or _Entry()
        if operation in STREAMED:
            return entry.speed.first_token_s, entry.speed.latency_s
        return entry.calls_s.get(operation), entry.calls_s.get(operation)

    def belief(self, node: NodeId, card: ModelCard, now: float) -> Belief:
        """Return what is believed of a model, given what its card claims."""
        entry = self._entries.get((node, card.name)) or _Entry()
        if entry.cached is not None:
            seen_card, computed_at, belief = entry.cached
            if seen_card is card and 0.0 <= now - computed_at < _BELIEF_VALID_S:
                return belief
        belief = _believe(entry, card, now)
        entry.cached = (card, now, belief)
        return belief

    def tallies(self, node: NodeId, model: str, now: float) -> dict[str, Tally]:
        """Return the evidence for every measured kind, without any prior."""
        entry = self._entries.get((node, model)) or _Entry()
        evidence = {kind: _evidence(entry, kind, now) for kind in KINDS}
        return {kind: tally for kind, tally in evidence.items() if tally.asked > 0.0}

    def forget(self, node: NodeId) -> None:
        """Forget everything of a node that will not come back."""
        for key in [key for key in self._entries if key[0] == node]:
            del self._entries[key]

    def _record_own(self, standing: Standing) -> None:
        if standing.measured_at <= self._known(standing).own_exam_at:
            return
        entry = self._entry(standing.node, standing.model)
        entry.own_exam_at = standing.measured_at
        for skill, tally in standing.skills.items():
            if skill in SKILLS:
                _add(entry, skill, tally, standing.measured_at)
        if standing.latency_s > 0.0:
            entry.speed = blended(entry.speed, speed_in(standing))

    def _record_report(self, standing: Standing, now: float) -> None:
        known = self._known(standing).reports.get(standing.examiner)
        # A clock that runs ahead must not make a report immortal.
        measured_at = min(standing.measured_at, now)
        if known is not None and measured_at <= known.measured_at:
            return
        skills = {s: _capped(t, _REPORT_CAP) for s, t in standing.skills.items() if s in SKILLS}
        known_skills = known.skills if known is not None else {}
        entry = self._entry(standing.node, standing.model)
        entry.reports[standing.examiner] = Standing(
            examiner=standing.examiner,
            node=standing.node,
            model=standing.model,
            skills=known_skills | skills,
            latency_s=standing.latency_s,
            tokens_per_answer=standing.tokens_per_answer,
            measured_at=measured_at,
            first_token_s=standing.first_token_s,
            tokens_per_s=standing.tokens_per_s,
        )
        if len(entry.reports) > _EXAMINERS_KEPT:
            oldest = min(entry.reports.values(), key=lambda report: report.measured_at)
            del entry.reports[oldest.examiner]

    def _known(self, standing: Standing) -> _Entry:
        return self._entries.get((standing.node, standing.model)) or _Entry()

    def _entry(self, node: NodeId, model: str) -> _Entry:
        """Return the entry to change: it becomes the most recent, and its cache is void."""
        entry = self._recent(node, model)
        entry.cached = None
        return entry

    def _recent(self, node: NodeId, model: str) -> _Entry:
        entry = self._entries.setdefault((node, model), _Entry())
        self._entries.move_to_end((node, model))
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return entry


def _is_sane(standing: Standing) -> bool:
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


def _add(entry: _Entry, kind: str, tally: Tally, at: float) -> None:
    known = entry.own.get(kind, _Dated(Tally(), at))
    entry.own[kind] = _Dated(known.faded(at) + tally, max(at, known.at))


def _capped(tally: Tally, cap: float) -> Tally:
    return tally if tally.asked <= cap else tally.weighted(cap / tally.asked)


def _evidence(entry: _Entry, kind: str, now: float) -> Tally:
    own = entry.own[kind].faded(now) if kind in entry.own else Tally()
    others = Tally()
    for report in entry.reports.values():
        if kind in report.skills:
            faded = _Dated(report.skills[kind], report.measured_at).faded(now)
            others += faded.weighted(_OTHERS_WEIGHT)
    return own + _capped(others, _OTHERS_CAP)


def _believe(entry: _Entry, card: ModelCard, now: float) -> Belief:
    kinds = {s: _estimate(_evidence(entry, s, now), _p_prior(card, s)) for s in SKILLS}
    # No exam asks about other things: a model is taken to be as good at them as it is on average.
    p_average = statistics.fmean(estimate.mean for estimate in kinds.values())
    kinds[OTHER] = _estimate(_evidence(entry, OTHER, now), p_average)
    return Belief(kinds, _speed(entry), entry.calls_s.copy())


def _speed(entry: _Entry) -> Speed:
    return own_or_median(entry.speed, [speed_in(report) for report in entry.reports.values()])


def _renew_speed(entry: _Entry) -> None:
    """Bring the speed of a cached belief up to date; every answer changes that, and only that."""
    if entry.cached is not None:
        card, at, belief = entry.cached
        renewed = replace(belief, speed=_speed(entry), calls_s=entry.calls_s.copy())
        entry.cached = (card, at, renewed)


def _p_prior(card: ModelCard, skill: str) -> float:
    if not card.skills:
        return _P_UNSAID
    return _P_CLAIMED if skill in card.skill_ids else _P_UNCLAIMED


def _estimate(evidence: Tally, p_prior: float) -> Estimate:
    prior = p_prior * _PRIOR_ASKED, _PRIOR_ASKED
    return Estimate(evidence.mean(*prior), evidence.deviation(*prior), evidence.asked)
