"""How long it takes to choose a pathway, beside ranking the models it is made of."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelnet.core.card import ModelCard, Price
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Chat, Message
from modelnet.core.standing import Standing, Tally
from modelnet.core.task import Task
from modelnet.interaction.coordinator import strategies
from modelnet.interaction.planner import Planner
from modelnet.interaction.strategy.errand import Errand
from modelnet.resource.directory import Offer
from modelnet.service.analysis import analyse
from modelnet.service.pathway.outlook import outlook
from modelnet.service.routing import StandingRouter
from modelnet.service.skill import SKILLS
from modelnet.service.standing import Beliefs

PROMPTS = {"sum": "What is 17 + 25?", "fact": "Of which country is Helsinki the capital?"}
_REPEATED = 200
_ME = NodeId("me")


def microseconds(candidates: int, prompt: str) -> dict[str, float]:
    """Return the medians of looking at a question, planning, and ranking."""
    rng = random.Random(candidates)
    beliefs = Beliefs(_ME)
    router = StandingRouter(beliefs)
    offers = [_offer(number, beliefs, rng) for number in range(candidates)]
    request = Chat((Message("user", prompt),))
    features = analyse(request)
    ranked = router.rank(features, offers, now=1.0, rng=rng)
    task = Task(id=RequestId("1"), request=request, deadline=60.0)
    seen = outlook(request, features)
    errand = replace(Errand(task=task, features=features, names=("auto",)), outlook=seen)
    planner = Planner(strategies())
    return {
        "look": _median_us(lambda: outlook(request, features)),
        "plan": _median_us(lambda: planner.plan(errand, ranked, 1.0)),
        "rank": _median_us(lambda: router.rank(features, offers, now=1.0, rng=rng)),
    }


def _offer(number: int, beliefs: Beliefs, rng: random.Random) -> Offer:
    price = Price(1.0, 300.0 * rng.random())
    card = ModelCard(name=f"m{number}", operations=("chat",), engine="recorded", price=price)
    right = 100.0 * rng.uniform(0.5, 0.95)
    standing = Standing(
        examiner=_ME,
        node=NodeId(f"n{number}"),
        model=card.name,
        skills={skill: Tally(right, 100.0) for skill in SKILLS},
        latency_s=0.2,
        tokens_per_answer=50.0,
        measured_at=0.0,
    )
    beliefs.record(standing, 0.0)
    return Offer(node=standing.node, card=card)


def _median_us(work: Callable[[], object], repeated: Sequence[int] = range(_REPEATED)) -> float:
    took: list[float] = []
    for _ in repeated:
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return round(1e6 * statistics.median(took), 1)
