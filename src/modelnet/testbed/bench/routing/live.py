"""The router itself on recorded answers: one pass, only the verdicts of models it asked are seen.

Every recorded model is an offer of a node of its own. Each sits a short exam first, as newcomers
in the network do; its questions are left out of the pass. Then the one ranked first answers, time
and money being worth nothing, and its verdict is learnt with the question's embedding. Whoever is
seen to have changed sits another exam, as in the network: a false alarm would never be found out.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Chat, Message
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures, analyse
from modelnet.service.change import Change
from modelnet.service.hierarchy.place import words_of
from modelnet.service.neighbourhood import SIZE, packed
from modelnet.service.outcome import Outcome
from modelnet.service.prediction.number import Floats
from modelnet.service.preference import Preference
from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs
from modelnet.service.witness import Witness
from modelnet.testbed.bench.routing.data import Part, split_tools

ORDERS = 3
EXAM = 12
"""Questions that every model is asked before the pass."""
MOST = 2000
"""Queries of one pass."""

_AGAIN = 3
"""Times as many are asked of a model that was seen to change, as exams are where one doubts."""
_BEGAN_S = 1_000_000.0
_GAP_S = 10.0
"""Between two queries: what is learnt fades by half in 8640 of them."""
_KNOWN, _SHORT = (0, 100, 500), 100
_QUALITY_ALONE = Preference(p_per_second=0.0, p_per_dollar=0.0)

Setup: TypeAlias = Callable[[], Sequence[Witness]]
"""Makes the witnesses of one router, which have seen nothing."""
Reading: TypeAlias = Callable[[str, TaskFeatures], TaskFeatures]
"""What is seen in a prompt beside what `analyse` and the encoder see."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What a router reached, averaged over orders of the queries; percent and points."""

    accuracy: float
    last_third: float
    delta: float
    """Points more than the best single model on the same queries, which it is told of nobody."""
    last_delta: float
    gain: float
    """Points more than the first of the routers that were compared, on the same queries."""
    gain_error: float
    """Standard error of `gain`, over all queries of all orders."""
    last_gain: float
    after: dict[str, float]
    """`delta` in the hundred queries after so many verdicts."""


class _Pass(NamedTuple):
    """Verdicts on whom the router asked, and on the best single model: a row an order."""

    right: Floats
    best: Floats


class Replay:
    """The queries of a set as a router meets them."""

    def __init__(self, part: Part, *, encoder: bool = True, read: Reading | None = None) -> None:
        """Read every query once; without an encoder its words are seen, and no embedding."""
        self.models = part.models
        self.right = part.right
        self._best = int(part.right.mean(axis=0).argmax())
        embedding = _meaning(part.embedding) if encoder else None
        self.features = [_features(prompt) for prompt in part.prompts]
        if embedding is None:
            self.features = [
                replace(features, words=words_of(prompt))
                for features, prompt in zip(self.features, part.prompts, strict=True)
            ]
        else:
            self.features = [
                replace(features, embedding=row.astype(np.float32))
                for features, row in zip(self.features, embedding, strict=True)
            ]
        if read is not None:
            self.features = [*map(read, part.prompts, self.features)]

    def run(
        self,
        setups: Mapping[str, Setup],
        *,
        orders: int = ORDERS,
        exam: int = EXAM,
        most: int = MOST,
        seed: int = 0,
    ) -> dict[str, Live]:
        """Return what routers with these witnesses reach; all meet the same exams and queries."""
        passes = {
            name: _joined(
                [
                    self._passed(setup, rng, exam, most)
                    for rng in np.random.default_rng(seed).spawn(orders)
                ]
            )
            for name, setup in setups.items()
        }
        base = next(iter(passes.values()))
        return {name: _live(one, base) for name, one in passes.items()}

    def _passed(self, setup: Setup, rng: np.random.Generator, exam: int, most: int) -> _Pass:
        queries = [int(query) for query in rng.permutation(len(self.right))]
        asked = queries[exam : exam + most]
        asker = _Asker(self, setup(), rng)
        for model in self.models:
            asker.examine(model, queries[:exam], _BEGAN_S)
        got = [asker.ask(query, _BEGAN_S + turn * _GAP_S, exam) for turn, query in enumerate(asked)]
        return _Pass(np.array(got), self.right[asked, self._best])


class _Asker:
    """A node that asks, and examines again whoever is seen to have changed."""

    def __init__(
        self, replay: Replay, witnesses: Sequence[Witness], rng: np.random.Generator
    ) -> None:
        self._replay = replay
        self._rng = rng
        self._changes: list[Change] = []
        self._beliefs = Beliefs(NodeId("asker"), tell=self._changes.append)
        self._router = StandingRouter(self._beliefs, witnesses)
        names = [replay.models[int(model)] for model in rng.permutation(len(replay.models))]
        self._offers = [_offer(name) for name in names]
        self._places = {name: place for place, name in enumerate(replay.models)}

    def ask(self, query: int, now: float, exam: int) -> float:
        """Return the verdict on the answer, and learn it."""
        features = self._replay.features[query]
        first = _first(self._router, features, self._offers, now)
        right = float(self._replay.right[query, self._places[first.card.name]])
        self._router.learn(_outcome(first, features, right, now))
        for change in self._changes:
            self._router.doubt(change)
        changed, self._changes[:] = [change.model for change in self._changes], []
        for model in changed:
            again = self._rng.integers(0, len(self._replay.right), _AGAIN * exam)
            self.examine(model, [int(one) for one in again], now)
        # Nobody is examined twice because of how an exam went.
        self._changes.clear()
        return right

    def examine(self, model: str, questions: Sequence[int], now: float) -> None:
        """Have a model answer some queries, whatever others could."""
        for query in questions:
            right = float(self._replay.right[query, self._places[model]])
            kind = self._replay.features[query].kind
            self._beliefs.observe(_node(model), model, kind, right, now)


def _meaning(embedding: Floats | None) -> Floats | None:
    """Return what the encoder says of queries: hashed words may stand before it."""
    if embedding is None or embedding.shape[1] < SIZE:
        return None
    rows = embedding[:, -SIZE:]
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows / lengths


def _features(prompt: str) -> TaskFeatures:
    text, _ = split_tools(prompt)
    return analyse(Chat((Message("user", text),)))


def _node(model: str) -> NodeId:
    return NodeId(f"node of {model}")


def _offer(model: str) -> Offer:
    card = ModelCard(name=model, operations=("chat",), engine="recorded")
    return Offer(node=_node(model), card=card)


def _first(
    router: StandingRouter, features: TaskFeatures, offers: Sequence[Offer], now: float
) -> Offer:
    rng = random.Random(0)  # noqa: S311 - blurs times, which are worth nothing here
    ranked = router.rank(features, offers, preference=_QUALITY_ALONE, now=now, rng=rng)
    return ranked[0].candidate


def _outcome(asked: Offer, features: TaskFeatures, right: float, now: float) -> Outcome:
    place = features.words if features.embedding is None else features.embedding
    return Outcome(
        node=asked.node,
        model=asked.card.name,
        kind=features.kind,
        at=now,
        p_right=right,
        embedding=None if place is None else packed(place),
        task=RequestId(f"asked at {now}"),
    )


def _joined(passes: Sequence[_Pass]) -> _Pass:
    return _Pass(*(np.stack(rows) for rows in zip(*passes, strict=True)))


def _live(one: _Pass, base: _Pass) -> Live:
    over_best, over_base = (100.0 * (one.right - other) for other in (one.best, base.right))
    queries = one.right.shape[1]
    last = slice(2 * queries // 3, None)
    return Live(
        accuracy=100.0 * float(one.right.mean()),
        last_third=100.0 * float(one.right[:, last].mean()),
        delta=float(over_best.mean()),
        last_delta=float(over_best[:, last].mean()),
        gain=float(over_base.mean()),
        gain_error=float(over_base.std() / np.sqrt(over_base.size)),
        last_gain=float(over_base[:, last].mean()),
        after={
            str(known): float(over_best[:, known : known + _SHORT].mean())
            for known in _KNOWN
            if known < queries
        },
    )
