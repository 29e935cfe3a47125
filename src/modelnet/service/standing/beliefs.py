"""Everything believed of every model, folded from reports and observations as they come."""

import statistics
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.request import Operation
from modelnet.core.standing import Standing, Tally
from modelnet.service.change import Change
from modelnet.service.kind import KINDS, OTHER, TaskKind
from modelnet.service.likeness import Key, Relatives, expected
from modelnet.service.sender import Senders
from modelnet.service.skill import SKILLS
from modelnet.service.speed import blended, smoothed, speed_in, speed_of
from modelnet.service.standing.belief import PRIOR_ASKED, Belief, Estimate
from modelnet.service.standing.entry import Cached, Entry, is_sane
from modelnet.service.timing import STREAMED, Timing

CAPACITY = 16_384
"""Models of nodes remembered; those not heard of for longest are forgotten first."""

_P_CLAIMED = 0.6
_P_UNSAID = 0.4
"""The model claims no skill at all, as general models do."""
_P_UNCLAIMED = 0.2
_BELIEF_VALID_S = 60.0
"""Fading is slow: a belief this young need not be computed again."""
_MEASURED = 8.0
"""Questions a rate must rest on before answers are held against it."""


def _nobody(change: Change) -> None:
    """Tell nobody."""


class Beliefs:
    """Everything believed of every model, folded from reports and observations as they come."""

    def __init__(
        self, me: NodeId, capacity: int = CAPACITY, tell: Callable[[Change], None] = _nobody
    ) -> None:
        """Believe nothing yet; `me` is the node whose measurements count in full.

        `tell` is called when a model is seen to have changed, after the evidence was discounted.
        """
        self._me = me
        self._capacity = capacity
        self._tell = tell
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._guessed: OrderedDict[Key, Cached] = OrderedDict()
        """Of models that nothing was measured of."""
        self._senders = Senders()
        self._relatives = Relatives()

    def record(self, standing: Standing, now: float) -> None:
        """Take in an exam's result, one's own or a report; nonsense and old news change nothing."""
        if not is_sane(standing):
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
        seen = {
            name: Tally(p * p_right, p).weighted(weight) for name, p in kind.p.items() if p > 0.0
        }
        self._see((node, model), [seen], now)

    def observe_speed(self, node: NodeId, model: str, timing: Timing, tokens: float) -> None:
        """Take in how fast a whole answer came, waiting in queues excluded, and its length."""
        entry = self._recent((node, model))
        known = msgspec.structs.replace(entry.believed_speed(), tokens_per_answer=tokens)
        entry.spread = entry.spread.after(timing.latency_s, known.expected_s(None))
        entry.speed = blended(entry.speed, speed_of(timing, tokens))
        _renew_speed(entry)

    def observe_call(self, node: NodeId, model: str, operation: Operation, took_s: float) -> None:
        """Take in how long an answer of one chunk took, waiting in queues excluded."""
        entry = self._recent((node, model))
        known = entry.calls_s.get(operation)
        entry.spread = entry.spread.after(took_s, known)
        entry.calls_s[operation] = smoothed(known, took_s)
        _renew_speed(entry)

    def measured(
        self, node: NodeId, model: str, operation: Operation
    ) -> tuple[float | None, float | None]:
        """Return the times of the first token and of a whole answer that this node measured."""
        entry = self._entries.get((node, model)) or Entry()
        if operation in STREAMED:
            return entry.speed.first_token_s, entry.speed.latency_s
        return entry.calls_s.get(operation), entry.calls_s.get(operation)

    def belief(self, node: NodeId, card: ModelCard, now: float) -> Belief:
        """Return what is believed of a model, given what its card claims."""
        key = node, card.name
        entry = self._entries.get(key)
        if entry is None:
            return self._guess(key, card, now)
        if (belief := _valid(entry.cached, card, now)) is not None:
            return belief
        self._relatives.add(key, card)
        belief = self._believe(key, entry, card, now)
        entry.cached = (card, now, belief)
        return belief

    def _guess(self, key: Key, card: ModelCard, now: float) -> Belief:
        """Return what is believed of a model that nothing was measured of."""
        belief = _valid(self._guessed.get(key), card, now)
        if belief is None:
            belief = self._believe(key, Entry(), card, now)
            self._guessed[key] = card, now, belief
            self._guessed.move_to_end(key)
            if len(self._guessed) > self._capacity:
                self._guessed.popitem(last=False)
        return belief

    def tallies(self, node: NodeId, model: str, now: float) -> dict[str, Tally]:
        """Return the evidence for every measured kind, without any prior."""
        entry = self._entries.get((node, model)) or Entry()
        evidence = {kind: self._evidence(entry, kind, now) for kind in KINDS}
        return {kind: tally for kind, tally in evidence.items() if tally.asked > 0.0}

    def forget(self, node: NodeId) -> None:
        """Forget everything of a node that will not come back."""
        for key in [key for key in self._entries if key[0] == node]:
            del self._entries[key]
            self._relatives.drop(key)
        for key in [key for key in self._guessed if key[0] == node]:
            del self._guessed[key]

    def _record_own(self, standing: Standing) -> None:
        key = standing.node, standing.model
        known = self._entries.get(key)
        if known is not None and standing.measured_at <= known.own_exam_at:
            return
        entry = self._entry(key)
        entry.own_exam_at = standing.measured_at
        seen = [{skill: tally} for skill, tally in standing.skills.items() if skill in SKILLS]
        self._see(key, seen, standing.measured_at)
        if standing.latency_s > 0.0:
            entry.speed = blended(entry.speed, speed_in(standing))

    def _record_report(self, standing: Standing, now: float) -> None:
        key = standing.node, standing.model
        entry = self._entries.get(key)
        known = entry.reports.get(standing.examiner) if entry is not None else None
        # A clock that runs ahead must not make a report immortal.
        measured_at = min(standing.measured_at, now)
        if known is not None and measured_at <= known.measured_at:
            return
        entry = self._entry(key)
        entry.report(msgspec.structs.replace(standing, measured_at=measured_at))
        self._test_senders(key, entry, standing.skills, now)

    def _see(self, key: Key, seen: list[dict[str, Tally]], at: float) -> None:
        """Take in what this node saw itself, in parts each of which has a rate of its own."""
        entry = self._entry(key)
        for part in seen:
            self._watch(entry, part, at)
        for part in seen:
            for kind, tally in part.items():
                entry.add(kind, tally, at)
            self._test_senders(key, entry, part, at)
        if (suspicion := entry.cusum.suspicion) is not None:
            direction, change = suspicion
            before, since, kept = entry.discount(change, at)
            rates = before.mean(0.0, 1e-9), since.mean(0.0, 1e-9)
            self._tell(Change(*key, direction, *rates, since.asked, kept))

    def _watch(self, entry: Entry, seen: Mapping[str, Tally], at: float) -> None:
        """Hold answers against the rate that was measured, where one was."""
        evidence = {kind: self._evidence(entry, kind, at) for kind in seen}
        total = sum(tally.asked for tally in seen.values())
        shares = {kind: tally.asked / total for kind, tally in seen.items()} if total else {}
        known = sum(share * evidence[kind].asked for kind, share in shares.items())
        if known >= _MEASURED:
            prior = _P_UNSAID * PRIOR_ASKED, PRIOR_ASKED
            p = sum(share * evidence[kind].mean(*prior) for kind, share in shares.items())
            entry.cusum = entry.cusum.after(p, seen, at)

    def _test_senders(self, key: Key, entry: Entry, kinds: Mapping[str, Tally], now: float) -> None:
        for kind in kinds:
            for sender, own, told in entry.comparable(kind, now):
                self._senders.test(sender, (key, kind), own, told)

    def _evidence(self, entry: Entry, kind: str, now: float) -> Tally:
        return entry.evidence(kind, now, self._senders.weight)

    def _believe(self, key: Key, entry: Entry, card: ModelCard, now: float) -> Belief:
        guesses = self._guesses(key, card, now)
        evidence = {skill: self._evidence(entry, skill, now) for skill in SKILLS}
        entry.measured = now, evidence
        kinds = {skill: Estimate.of(evidence[skill], guesses[skill]) for skill in SKILLS}
        # No exam asks about other things: a model is taken to be as good at them as on average.
        p_average = statistics.fmean(estimate.mean for estimate in kinds.values())
        kinds[OTHER] = Estimate.of(self._evidence(entry, OTHER, now), p_average)
        return Belief(kinds, entry.believed_speed(), entry.calls_s.copy(), entry.spread)

    def _guesses(self, key: Key, card: ModelCard, now: float) -> dict[str, float]:
        """Return what is expected before any question: by the claim, and by likeness."""
        share, alike = self._relatives.find(key, card)
        known = [self._measured(other, now) for other in alike]
        return {
            skill: expected(_p_claimed(card, skill), share, [one[skill] for one in known])
            for skill in SKILLS
        }

    def _measured(self, key: Key, now: float) -> Mapping[str, Tally]:
        """Return the evidence on every skill of a known model, computed once in a while."""
        entry = self._entries[key]
        if entry.measured is None or not 0.0 <= now - entry.measured[0] < _BELIEF_VALID_S:
            entry.measured = now, {skill: self._evidence(entry, skill, now) for skill in SKILLS}
        return entry.measured[1]

    def _entry(self, key: Key) -> Entry:
        """Return the entry to change: it becomes the most recent, and its cache is void."""
        entry = self._recent(key)
        entry.cached = entry.measured = None
        return entry

    def _recent(self, key: Key) -> Entry:
        entry = self._entries.setdefault(key, Entry())
        self._entries.move_to_end(key)
        self._guessed.pop(key, None)
        if len(self._entries) > self._capacity:
            self._relatives.drop(self._entries.popitem(last=False)[0])
        return entry


def _valid(cached: Cached | None, card: ModelCard, now: float) -> Belief | None:
    """Return a belief that was computed of this card not long ago."""
    if cached is None or cached[0] is not card or not 0.0 <= now - cached[1] < _BELIEF_VALID_S:
        return None
    return cached[2]


def _renew_speed(entry: Entry) -> None:
    """Bring the speed of a cached belief up to date; every answer changes that, and only that."""
    if entry.cached is not None:
        card, at, belief = entry.cached
        renewed = replace(
            belief,
            speed=entry.believed_speed(),
            calls_s=entry.calls_s.copy(),
            spread=entry.spread,
        )
        entry.cached = (card, at, renewed)


def _p_claimed(card: ModelCard, skill: str) -> float:
    if not card.skills:
        return _P_UNSAID
    return _P_CLAIMED if skill in card.skill_ids else _P_UNCLAIMED
