"""Cascades run over recorded answers, and what was foretold of them."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.request import Chat, Message
from modelnet.resource.directory import Offer
from modelnet.service.pathway.answer import Answer
from modelnet.service.pathway.climb import Climb
from modelnet.service.pathway.confidence import DEFAULT, confidences
from modelnet.service.pathway.ladder import enough
from modelnet.service.pathway.outlook import Outlook
from modelnet.service.pathway.prospect import World
from modelnet.service.preference import BALANCED
from modelnet.service.routing import Scored
from modelnet.service.standing import Estimate
from recipes.calibration.data import Record

_COSTS_USD = (0.0002, 0.0005, 0.02)
_OPEN = Chat((Message("user", "Which of these?"),))
_COMPARABLE = Outlook(p_comparable=0.95)


class Share(NamedTuple):
    """Of tasks, on average: answered rightly, and calls of models."""

    right: float
    calls: float


def foretold_and_seen(
    record: Record, p: np.ndarray, models: Sequence[int]
) -> tuple[Share, Share] | None:
    """Return what is foretold of a cascade of these models, worst first, and what it does.

    Nothing, where they are in that order on no domain.
    """
    foretold: list[Share] = []
    seen: list[Share] = []
    for query in range(len(p)):
        rungs = [
            _scored(str(m), p[query, m], cost) for m, cost in zip(models, _COSTS_USD, strict=True)
        ]
        odds = [rung.quality.mean for rung in rungs]
        if any(a >= b for a, b in itertools.pairwise(odds)):
            continue
        course = Climb.of(rungs, BALANCED, _COMPARABLE).course(World(tuple(odds), DEFAULT, 0.95))
        foretold.append(Share(course.p_right, sum(course.asked)))
        seen.append(_climbed(record, query, models, rungs))
    return (_mean(foretold), _mean(seen)) if seen else None


def _climbed(record: Record, query: int, models: Sequence[int], rungs: Sequence[Scored]) -> Share:
    """Climb as `interaction.strategy.cascade` does."""
    heard: list[Answer] = []
    for i, (model, rung) in enumerate(zip(models, rungs, strict=True)):
        if i == len(rungs) - 1:
            break
        said = record.said[query, model]
        heard.append(Answer(scored=rung, text=_PROSE if said < 0 else f"it is {said}"))
        sure = confidences(_OPEN, heard)
        best = int(np.argmax(sure))
        if sure[best] >= enough(rungs[i + 1], BALANCED, p_asked=rung.quality.mean):
            return Share(float(record.right[query, models[best]]), len(heard))
    return Share(float(record.right[query, models[-1]]), len(rungs))


_PROSE = "Of this nothing can be said in so few words that they could be compared with others."


def _scored(name: str, p: float, cost_usd: float) -> Scored:
    card = ModelCard(name=name, operations=("chat",), engine="recorded")
    quality = Estimate(p, 0.0, 1000.0)
    return Scored(
        candidate=Offer(node=NodeId(name), card=card),
        kind="other",
        on_kind=quality,
        quality=quality,
        latency_s=0.1,
        cost_usd=cost_usd,
        value=p,
    )


def _mean(shares: Sequence[Share]) -> Share:
    right, calls = np.array(shares).T
    return Share(float(right.mean()), float(calls.mean()))
