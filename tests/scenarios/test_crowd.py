"""A replica whose engine is busy with strangers is spared, in a network on virtual time."""

from functools import partial

import anyio
import pytest

from modelnet.core.load import EngineLoad, ModelLoad
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.testbed.virtual_time import virtual_clock
from tests.scenarios.conftest import listen, task

pytestmark = pytest.mark.anyio


class SharedModel(ScriptedModel):
    """A replica on an engine of two places, which others ask past its node."""

    def __init__(self, others: int) -> None:
        card, pace = scripted_card("tale", parallel=2), Pace(3.0, 20.0)
        super().__init__(lambda _: "Once", card=card, pace=pace, clock=virtual_clock)
        self.others = others

    async def engine_load(self, deadline: float) -> EngineLoad:  # noqa: ARG002
        return EngineLoad(min(2, self.others), max(0, self.others - 2), 2)


def load_of(node, name: str) -> ModelLoad:
    return next(offer.load for offer in node.offers() if offer.node_name == name)


def are_as_wanted(node, busy: str, free: str, _) -> bool:
    """Whether a node has heard which replica strangers have filled, and which not."""
    full, idle = load_of(node, busy), load_of(node, free)
    return (full.running, full.waiting, full.parallel, idle.running) == (2, 3, 2, 0)


async def nodes_asked(node, count: int) -> set[str]:
    names = {offer.node: offer.node_name for offer in node.offers()}
    asked: set[str] = set()
    for number in range(count):
        heard = await listen(node, task(f"Tell tale {number}.", "tale"))
        asked |= {names[contribution.node] for contribution in heard.contributions}
    return asked


async def test_the_replica_that_strangers_leave_alone_is_asked(world):
    replicas = {name: SharedModel(others=0) for name in ("one", "two")}
    for name, model in replicas.items():
        await world.node(name, model)
    near = await world.node("near")
    await world.offers(near, 2)
    assert await nodes_asked(near, 4) == {"one", "two"}
    for busy, free in (("one", "two"), ("two", "one")):
        replicas[busy].others, replicas[free].others = 5, 0
        with anyio.fail_after(3600):
            await near.wait_until(partial(are_as_wanted, near, busy, free))
        assert await nodes_asked(near, 6) == {free}
