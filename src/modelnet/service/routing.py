"""The Router seam: which model to ask, best first, and why.

A candidate's value is its probability of a right answer under the posterior of the task's kind,
and what witnesses saw of it on questions like this one (`witness`), minus what the time and the
money are worth to the asker (`preference`).
"""

import math
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from modelnet.core.card import ModelCard, Price
from modelnet.core.error import ModelnetError
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.standing import Speed, Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.breaker import CLOSED, Breaker
from modelnet.service.candidate import obstacle, surely_fits
from modelnet.service.change import Change
from modelnet.service.forecast import Forecast
from modelnet.service.kind import OTHER
from modelnet.service.outcome import Outcome
from modelnet.service.preference import BALANCED, Preference
from modelnet.service.spread import UNKNOWN, Latency, Spread
from modelnet.service.standing import Belief, Beliefs, Estimate
from modelnet.service.standing.belief import PRIOR_ASKED
from modelnet.service.timing import STREAMED
from modelnet.service.waiting import blurred_wait, without_wait
from modelnet.service.witness import Witness, joined

_UNKNOWN_LATENCY_S = 1.0
_UNKNOWN_ANSWER_TOKENS = 256.0
_DOLLARS_PER_WEIGHT_AND_TOKEN = 1.5e-17
"""What running a free model is worth: hosts sell open models of 7 billion weights at about ten
cents a million tokens."""
_PRICE_NOT_TOLD = Price(3.0, 15.0)
"""A model that costs money but tells no price is taken for a large one of a cloud."""
_LATENCY_JITTER = 0.25
"""Latencies are blurred by up to this fraction, so that not everyone runs to the same replica."""
_REPLICA_TOLERANCE = 0.08
"""Replicas measured this close to the best of their name differ by luck: one question in twelve."""
_REPLICA_EVIDENCE = 4.0
_BREAKERS_KEPT = 4096
OWN_SPACE = frozenset({"embed", "encode"})
"""Operations whose answers mean something else with every model."""


class Seen(NamedTuple):
    """What one witness saw of a candidate."""

    tally: Tally
    what: str
    """What it counts: see `Witness.saw`."""
    is_claim: bool = False

    def __str__(self) -> str:
        """Say it to a person."""
        return (
            f"{self.tally.right / self.tally.asked:.2f} right on {self.tally.asked:.0f} {self.what}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate, what is expected of it, and hence its value."""

    candidate: Offer
    kind: str
    """The most likely kind of the task."""
    on_kind: Estimate
    """How it does on that kind."""
    quality: Estimate
    """How it does over all kinds the task may be of, and near this question."""
    seen: tuple[Seen, ...] = ()
    """What witnesses saw of it, the nearest view last; none that saw nothing."""
    latency_s: float | None
    """Expected time of the answer, its wait in the queue included; `None` when never measured."""
    spread: Spread = UNKNOWN
    """How far its answers stray from that time."""
    answer_tokens: float = 0.0
    """Expected length of its answer."""
    cost_usd: float
    charge_usd: float = 0.0
    """What an answer as long as usual is charged at most; infinity where no price is told."""
    breaker: Breaker = CLOSED
    value: float
    """Probability of a right answer, less what its time and cost are worth."""

    @property
    def latency(self) -> Latency | None:
        """Half of its answers take less than `p50` seconds, 95 of 100 less than `p95`."""
        return None if self.latency_s is None else self.spread.latency(self.latency_s)

    @property
    def because(self) -> str:
        """One sentence for a person: why this candidate stands where it does."""
        reasons = [self._standing(), self._speed(), self._size()]
        if self.breaker.failures:
            reasons.append(f"failures in a row: {self.breaker.failures}")
        return ", ".join(reason for reason in reasons if reason)

    def _standing(self) -> str:
        last = self.seen[-1].tally.asked if self.seen else 0.0
        # What so few verdicts say, or a name lets expect, is less than any measurement.
        if last > PRIOR_ASKED or last >= 0.5 > self.on_kind.asked:
            return str(self.seen[-1])
        if self.on_kind.asked >= 0.5:
            return (
                f"{self.on_kind.mean:.2f} right on {self.kind} ({self.on_kind.asked:.0f} questions)"
            )
        if self.kind in self.candidate.card.skill_ids:
            return f"claims {self.kind}, not measured yet"
        if self.kind == OTHER:
            return f"{self.quality.mean:.2f} expected where no exam asks"
        return f"{self.quality.mean:.2f} expected, not measured on {self.kind}"

    def _speed(self) -> str:
        if self.latency_s is None:
            return "speed not measured yet"
        return (
            f"{self.latency_s * 1000:.0f} ms" if self.latency_s < 1 else f"{self.latency_s:.1f} s"
        )

    def _size(self) -> str:
        card = self.candidate.card
        if card.price.output_per_mtok or card.price.input_per_mtok:
            return f"${self.cost_usd:.2g} an answer"
        return "" if card.parameters is None else f"{card.parameters / 1e6:.1f} M parameters"


class Router(Protocol):
    """Orders candidates for a task and learns from what became of asking them."""

    def rank(
        self,
        features: TaskFeatures,
        candidates: Sequence[Offer],
        *,
        preference: Preference = BALANCED,
        now: float,
        rng: random.Random,
    ) -> tuple[Scored, ...]:
        """Return the candidates able to do the task, best first; `now` is Unix seconds.

        Empty when none is able: `candidate.refusal` then tells why.
        """
        ...

    def learn(self, outcome: Outcome) -> None:
        """Take in what became of asking a model."""
        ...

    def doubt(self, change: Change) -> None:
        """Let what is older than a model's change count less."""
        ...

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget single verdicts, all or those that fit; counts without a trace of them stay."""
        ...

    def speed(self, offer: Offer, now: float) -> Speed:
        """Return how fast a model is believed to be; `now` is Unix seconds."""
        ...


class StandingRouter:
    """Picks by standing, load and price."""

    def __init__(
        self,
        beliefs: Beliefs,
        witnesses: Sequence[Witness] = (),
        forecast: Forecast | None = None,
    ) -> None:
        """Route by what is believed and by what witnesses saw, the nearest view last; teach all.

        A forecast is heard after them, as far as it was better than they of late.
        """
        self._beliefs = beliefs
        self._witnesses = tuple(witnesses)
        self._forecast = forecast
        self._learners = (*self._witnesses, *([] if forecast is None else [forecast]))
        self._breakers: OrderedDict[tuple[NodeId, str], Breaker] = OrderedDict()

    def rank(
        self,
        features: TaskFeatures,
        candidates: Sequence[Offer],
        *,
        preference: Preference = BALANCED,
        now: float,
        rng: random.Random,
    ) -> tuple[Scored, ...]:
        """Order by value; what rests after failures, or may not fit, comes after all others."""
        able = [c for c in candidates if obstacle(c.card, features) is None]
        beliefs = [self._beliefs.belief(c.node, c.card, now) for c in able]
        seen = self._seen(features, able, now)
        on_kind = [belief.probability(features.kind) for belief in beliefs]
        qualities = [_heard(*pair) for pair in zip(on_kind, seen, strict=True)]
        if self._forecast is not None:
            foreseen = self._foreseen(self._forecast, features, able, on_kind, qualities)
            qualities = [_heard(*pair) for pair in zip(qualities, foreseen, strict=True)]
            seen = [(*one, *more) for one, more in zip(seen, foreseen, strict=True)]
        ranked_by = _replicas_levelled(able, qualities)
        scored = [
            self._score(features, candidate, belief, quality, tallies, p_right, preference, rng)
            for candidate, belief, quality, tallies, p_right in zip(
                able, beliefs, qualities, seen, ranked_by, strict=True
            )
        ]
        if features.operation in OWN_SPACE:
            return tuple(
                sorted(scored, key=lambda s: (_space(s.candidate), *_order(s, features, now)))
            )
        return tuple(sorted(scored, key=lambda s: _order(s, features, now)))

    def learn(self, outcome: Outcome) -> None:
        """Update speed, failures in a row and, where there is a verdict, quality."""
        key = outcome.node, outcome.model
        if outcome.error is not None:
            self._note_failure(key, outcome.error, outcome.at)
            return
        if outcome.timing is not None:
            self._breakers.pop(key, None)
            known = self._beliefs.measured(*key, outcome.operation)
            alone = without_wait(outcome.timing, outcome.wait_factor, *known)
            if outcome.operation in STREAMED:
                self._beliefs.observe_speed(*key, alone, outcome.tokens)
            else:
                self._beliefs.observe_call(*key, outcome.operation, alone.latency_s)
        if outcome.p_right is not None:
            # First: where the belief sees a change, this verdict is of those since.
            for learner in self._learners:
                learner.learn(outcome)
            self._beliefs.observe(
                *key, outcome.kind, outcome.p_right, outcome.at, weight=outcome.weight
            )

    def speed(self, offer: Offer, now: float) -> Speed:
        """Return what was measured, by this node first."""
        return self._beliefs.belief(offer.node, offer.card, now).speed

    def doubt(self, change: Change) -> None:
        """Hand it to the witnesses: what is believed has seen the change itself."""
        for learner in self._learners:
            learner.doubt(change)

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Have witnesses forget verdicts, all or those that fit."""
        for learner in self._learners:
            learner.forget(before=before, task=task)

    def _seen(
        self, features: TaskFeatures, able: Sequence[Offer], now: float
    ) -> list[tuple[Seen, ...]]:
        """Return what witnesses saw of each candidate, of those that saw something."""
        told = [
            [
                Seen(tally, witness.saw, witness.is_claim)
                for tally in witness.evidence(features, able, now)
            ]
            for witness in self._witnesses
        ]
        if not told:
            return [()] * len(able)
        return [
            tuple(one for one in seen if one.tally.asked > 0.0) for seen in zip(*told, strict=True)
        ]

    def _foreseen(
        self,
        forecast: Forecast,
        features: TaskFeatures,
        able: Sequence[Offer],
        on_kind: Sequence[Estimate],
        qualities: Sequence[Estimate],
    ) -> list[tuple[Seen, ...]]:
        """Return what is forecast of each candidate, where something is."""
        tallies = forecast.evidence(features, able, on_kind, qualities)
        return [(Seen(tally, forecast.saw),) if tally.asked > 0.0 else () for tally in tallies]

    def _score(
        self,
        features: TaskFeatures,
        candidate: Offer,
        belief: Belief,
        quality: Estimate,
        seen: tuple[Seen, ...],
        p_right: float,
        preference: Preference,
        rng: random.Random,
    ) -> Scored:
        expected_s = belief.expected_s(features.operation, features.max_tokens)
        latency_s = None if expected_s is None else expected_s * (1.0 + candidate.load.wait_factor)
        blurred_s = (expected_s or _UNKNOWN_LATENCY_S) * (1.0 + blurred_wait(candidate, rng))
        blurred_s *= 1.0 + _LATENCY_JITTER * rng.random()
        cost_usd = _cost_usd(candidate, features, belief)
        kind = features.kind.most_likely
        return Scored(
            candidate=candidate,
            kind=kind,
            on_kind=belief.kinds[kind],
            quality=quality,
            seen=seen,
            latency_s=latency_s,
            spread=belief.spread,
            answer_tokens=_answer_tokens(features, belief),
            cost_usd=cost_usd,
            charge_usd=_charge_usd(candidate.card, features, belief),
            breaker=self._breakers.get(candidate.key, CLOSED),
            value=p_right
            - preference.p_per_second * blurred_s
            - preference.p_per_dollar * cost_usd,
        )

    def _note_failure(self, key: tuple[NodeId, str], error: ModelnetError, now: float) -> None:
        self._breakers[key] = self._breakers.get(key, CLOSED).failed(error, now)
        self._breakers.move_to_end(key)
        if len(self._breakers) > _BREAKERS_KEPT:
            self._breakers.popitem(last=False)


def _order(scored: Scored, features: TaskFeatures, now: float) -> tuple[bool, bool, float]:
    is_resting = scored.breaker.is_open(now)
    return is_resting, not surely_fits(scored.candidate.card, features), -scored.value


def _heard(believed: Estimate, seen: Sequence[Seen]) -> Estimate:
    for one in seen:
        believed = joined(believed, one.tally, is_claim=one.is_claim)
    return believed


def _space(candidate: Offer) -> tuple[int, str]:
    """Order models, not replicas: vectors of different models must never be mixed by chance."""
    return -(candidate.card.parameters or 0), candidate.card.name


def _replicas_levelled(candidates: Sequence[Offer], qualities: Sequence[Estimate]) -> list[float]:
    """Give replicas that were measured about as good as the best of their name its probability.

    Otherwise one more lucky answer in an exam would draw all tasks to one of them.
    """
    best: dict[str, float] = {}
    for candidate, quality in zip(candidates, qualities, strict=True):
        name = candidate.card.name
        best[name] = max(quality.mean, best.get(name, 0.0))
    levelled: list[float] = []
    for candidate, quality in zip(candidates, qualities, strict=True):
        is_measured = quality.asked >= _REPLICA_EVIDENCE
        gap = best[candidate.card.name] - quality.mean
        levelled.append(quality.mean + gap * (is_measured and gap <= _REPLICA_TOLERANCE))
    return levelled


def _cost_usd(candidate: Offer, features: TaskFeatures, belief: Belief) -> float:
    """Return the expected price of the answer; a free model costs the arithmetic it takes.

    Never below zero, whatever a card claims: nobody pays to be asked.
    """
    answer_tokens = _answer_tokens(features, belief)
    price = candidate.card.price
    if candidate.card.is_metered and candidate.card.price == Price():
        price = _PRICE_NOT_TOLD
    if price.input_per_mtok or price.output_per_mtok:
        read_usd = features.prompt_tokens * price.input_per_mtok / 1e6
        return max(0.0, read_usd + answer_tokens * price.output_per_mtok / 1e6)
    tokens = features.prompt_tokens + answer_tokens
    return max(0.0, (candidate.card.parameters or 0) * tokens * _DOLLARS_PER_WEIGHT_AND_TOKEN)


def _charge_usd(card: ModelCard, features: TaskFeatures, belief: Belief) -> float:
    """Return the dollars that somebody is charged: what costs only arithmetic costs none."""
    if card.is_free:
        return 0.0
    if card.price == Price():
        return math.inf
    read = max(0.0, card.price.input_per_mtok) * features.most_prompt_tokens
    said = max(0.0, card.price.output_per_mtok) * _answer_tokens(features, belief)
    return (read + said) / 1e6


def _answer_tokens(features: TaskFeatures, belief: Belief) -> float:
    if features.operation in OWN_SPACE:
        return 0.0
    expected = belief.speed.tokens_per_answer or _UNKNOWN_ANSWER_TOKENS
    return min(expected, float(features.max_tokens or expected))
