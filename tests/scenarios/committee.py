"""Models whose answers, prices and standings a test can set, in a network on virtual time."""

import msgspec

from modelnet.application.node import Node
from modelnet.core.card import Price
from modelnet.core.standing import Standing, Tally
from modelnet.resource.backend.scripted import Pace, Rule, ScriptedModel, scripted_card
from modelnet.resource.directory import StandingAnnounced
from modelnet.service.skill import SKILLS
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import World

PACE = Pace(first_token_s=0.1, tokens_per_s=50)


def member(
    name: str,
    answer: str | Rule,
    *,
    price: float = 0.0,
    pace: Pace = PACE,
    p_token: float = 0.9,
    **card: object,
) -> ScriptedModel:
    """A model that gives one answer to everything, at a price for a million tokens."""
    made = msgspec.structs.replace(scripted_card(name), price=Price(price, price), **card)
    rule: Rule = (lambda _: answer) if isinstance(answer, str) else answer
    return ScriptedModel(rule, card=made, pace=pace, p_token=p_token, clock=virtual_clock)


async def committee(world: World, *members: ScriptedModel, p_right: dict[str, float]) -> Node:
    """An asker that measured the members, each on a node of its own."""
    asker = await world.node("asker")
    for model in members:
        await world.node(f"of-{model.card.name}", model)
    await world.offers(asker, len(members))
    measured = tuple(
        Standing(
            examiner=asker.id,
            node=offer.node,
            model=offer.card.name,
            skills={s: Tally(100 * p_right[offer.card.name], 100) for s in SKILLS},
            latency_s=0.2,
            tokens_per_answer=5.0,
            measured_at=virtual_clock(),
        )
        for offer in asker.parts.coordinator.offers()
        if offer.card.name in p_right
    )
    asker.parts.watcher.tell(StandingAnnounced(asker.id, measured))
    return asker
