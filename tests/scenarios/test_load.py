"""Load on virtual time: nobody idles beside a queue, nobody is run over, stragglers are hedged."""

from collections import Counter

import anyio
import pytest

from modelnet.testbed.bench.load.cell import OWN, Cell, ask_all, measure_point, router_of
from modelnet.testbed.bench.load.fleet import Server, fleet
from modelnet.testbed.bench.load.world import Plan, World, simulated

pytestmark = pytest.mark.anyio

ALIKE = (Server(mean_s=0.4, places=1, delay_s=0.005),) * 6
LOOK_S = 0.01
TOLERATED = 0.03
"""Of all questions: two askers cannot know what the other sent since the last beacon."""


async def watched(world: World, joined: list[int]) -> None:
    """Count who, while a node is free, is sent to one where somebody waits already."""
    before = world.loads
    while True:
        await anyio.sleep(LOOK_S)
        now = world.loads
        if any(load.running < load.parallel for load in before):
            pairs = zip(before, now, strict=True)
            joined.append(sum(max(0, b.waiting - a.waiting) for a, b in pairs if a.waiting))
        before = now


async def test_nobody_idles_while_another_node_of_its_speed_gets_a_queue():
    joined: list[int] = []
    questions = 150
    plan = Plan(servers=ALIKE, askers=2)
    async with simulated(plan, router_of(OWN)) as world, anyio.create_task_group() as group:
        group.start_soon(watched, world, joined)
        await ask_all(Cell(router=OWN, plan=plan, load=0.8, count=questions), world)
        group.cancel_scope.cancel()

    assert len(joined) > questions / 10
    assert sum(joined) <= TOLERATED * questions


async def test_two_askers_do_not_run_to_the_same_node():
    """Twelve at once from two askers, who cannot know of each other, for six nodes."""
    plan = Plan(servers=ALIKE, askers=2)
    async with simulated(plan, router_of(OWN)) as world:
        given = Counter[int | None]()

        async def ask(number: int) -> None:
            given[(await world.askers[number % 2].ask(2)).server] += 1

        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(ask, number)

    assert set(given) == set(range(6))
    assert max(given.values()) <= 3


def test_faster_nodes_do_more_and_round_robin_is_beaten():
    servers = fleet(0, 8)
    plan = Plan(servers=servers, askers=2)
    own, rival = (
        measure_point(Cell(router=router, plan=plan, load=0.7, count=120))
        for router in (OWN, "round robin")
    )
    assert own.shares[-1] > own.shares[0]
    assert own.failed == 0
    assert own.p95_s is not None
    assert rival.p95_s is not None
    assert own.p95_s < rival.p95_s / 2


def test_a_run_repeats_exactly():
    plan = Plan(servers=fleet(0, 4), askers=2, seed=5)
    cell = Cell(router=OWN, plan=plan, concurrency=6, count=60)
    assert measure_point(cell) == measure_point(cell)
