"""Candidates and answers as the tests of pathways need them."""

import math

from modelnet.core.card import ModelCard, Price
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.resource.directory import Offer
from modelnet.service.breaker import CLOSED, Breaker
from modelnet.service.pathway.answer import Answer
from modelnet.service.routing import Scored
from modelnet.service.standing import Estimate

IDLE = ModelLoad()


def scored(
    name: str = "m",
    node: str = "",
    *,
    p: float = 0.8,
    load: ModelLoad = IDLE,
    breaker: Breaker = CLOSED,
    latency_s: float | None = 1.0,
    cost_usd: float = 0.0,
    is_local: bool = False,
    **card: object,
) -> Scored:
    """A candidate that is right with probability `p`, on a node of its own unless one is given."""
    fields: dict = {"operations": ("chat",), "engine": "scripted", **card}
    quality = Estimate(p, 0.1, 20.0)
    made = ModelCard(name=name, **fields)
    charge_usd = math.inf if made.price == Price() else cost_usd
    return Scored(
        candidate=Offer(node=NodeId(node or f"of-{name}"), card=made, load=load, is_local=is_local),
        kind="arithmetic",
        on_kind=quality,
        quality=quality,
        latency_s=latency_s,
        cost_usd=cost_usd,
        charge_usd=0.0 if made.is_free else charge_usd,
        breaker=breaker,
        value=p,
    )


def answer(text: str, name: str = "m", node: str = "", **fields) -> Answer:
    """An answer of such a candidate."""
    about = {key: fields.pop(key) for key in ("p", "is_local") if key in fields}
    return Answer(scored=scored(name, node, **about), text=text, **fields)
