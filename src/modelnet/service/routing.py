"""The Router seam: which model to ask, best first, and why.

A candidate's value is its probability of a right answer under the posterior of the task's kind,
and of the questions near this one where it is known what it is about (`neighbourhood`), minus what
the time and the money are worth to the asker (`preference`).
"""

import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from modelnet.core.card import Price
from modelnet.core.error import ModelnetError
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Operation
from modelnet.core.standing import Speed, Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.breaker import CLOSED, Breaker
from modelnet.service.candidate import obstacle, surely_fits
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.neighbourhood import Neighbourhood, Verdict, joined
from modelnet.service.preference import BALANCED, Preference
from modelnet.service.spread import UNKNOWN, Latency, Spread
from modelnet.service.standing import Belief, Beliefs, Estimate
from modelnet.service.timing import STREAMED, Timing
from modelnet.service.waiting import blurred_wait, without_wait

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
_NOTHING_NEAR = Tally()
OWN_SPACE = frozenset({"embed", "encode"})
"""Operations whose answers mean something else with every model."""


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
    near: Tally = _NOTHING_NEAR
    """Of that, the verdicts on its answers to questions near this one, by nearness and age."""
    latency_s: float | None
    """Expected time of the answer, its wait in the queue included; `None` when never measured."""
    spread: Spread = UNKNOWN
    """How far its answers stray from that time."""
    cost_usd: float
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
        if self.near.asked >= 0.5:
            right, count = self.near.right / self.near.asked, f"{self.near.asked:.0f}"
            verdicts = "verdict" if count == "1" else "verdicts"
            return f"{right:.2f} right on {count} {verdicts} near this question"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of asking one model."""

    node: NodeId
    model: str
    kind: TaskKind
    at: float
    """Unix seconds."""
    operation: Operation = "chat"
    timing: Timing | None = None
    """How fast the answer was; `None` when not all of it came from this model."""
    tokens: int = 0
    """Tokens of the answer."""
    wait_factor: float = 0.0
    """Of its load when it was asked: how many answers were ahead in the queue."""
    p_right: float | None = None
    """A verdict on the answer from whoever can judge it, 0 to 1."""
    weight: float = 1.0
    """The model's share of the answer that was judged, 0 to 1."""
    embedding: bytes | None = None
    """Of the question that was judged, as `neighbourhood.packed`, where it is known."""
    task: RequestId | None = None
    """Whose answer was judged, so that it can be forgotten."""
    error: ModelnetError | None = None


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

    def speed(self, offer: Offer, now: float) -> Speed:
        """Return how fast a model is believed to be; `now` is Unix seconds."""
        ...


class StandingRouter:
    """Picks by standing, load and price."""

    def __init__(self, beliefs: Beliefs, neighbourhood: Neighbourhood | None = None) -> None:
        """Route by what is believed and what was seen near the question, and add to both."""
        self._beliefs = beliefs
        self._neighbourhood = Neighbourhood() if neighbourhood is None else neighbourhood
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
        near = self._near(features, able, now)
        qualities = [
            joined(belief.probability(features.kind), tally)
            for belief, tally in zip(beliefs, near, strict=True)
        ]
        ranked_by = _replicas_levelled(able, qualities)
        scored = [
            self._score(features, candidate, belief, quality, tally, p_right, preference, rng)
            for candidate, belief, quality, tally, p_right in zip(
                able, beliefs, qualities, near, ranked_by, strict=True
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
            if outcome.embedding is not None:
                # First: where the belief sees a change, this verdict is of those since.
                self._neighbourhood.add(
                    Verdict(
                        key=key,
                        embedding=outcome.embedding,
                        p_right=outcome.p_right,
                        weight=outcome.weight,
                        at=outcome.at,
                        task=outcome.task,
                    )
                )
            self._beliefs.observe(
                *key, outcome.kind, outcome.p_right, outcome.at, weight=outcome.weight
            )

    def speed(self, offer: Offer, now: float) -> Speed:
        """Return what was measured, by this node first."""
        return self._beliefs.belief(offer.node, offer.card, now).speed

    def _near(self, features: TaskFeatures, able: Sequence[Offer], now: float) -> list[Tally]:
        if features.embedding is None:
            return [_NOTHING_NEAR] * len(able)
        keys = [candidate.key for candidate in able]
        return self._neighbourhood.evidence(features.embedding, keys, now)

    def _score(
        self,
        features: TaskFeatures,
        candidate: Offer,
        belief: Belief,
        quality: Estimate,
        near: Tally,
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
            near=near,
            latency_s=latency_s,
            spread=belief.spread,
            cost_usd=cost_usd,
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
    expected = belief.speed.tokens_per_answer or _UNKNOWN_ANSWER_TOKENS
    answer_tokens = min(expected, float(features.max_tokens or expected))
    price = candidate.card.price
    if candidate.card.is_metered and candidate.card.price == Price():
        price = _PRICE_NOT_TOLD
    if price.input_per_mtok or price.output_per_mtok:
        read_usd = features.prompt_tokens * price.input_per_mtok / 1e6
        return max(0.0, read_usd + answer_tokens * price.output_per_mtok / 1e6)
    tokens = features.prompt_tokens + answer_tokens
    return max(0.0, (candidate.card.parameters or 0) * tokens * _DOLLARS_PER_WEIGHT_AND_TOKEN)
