"""One measurement in virtual time: a router, a network and what is asked of it. Repeats exactly."""

import random
from collections.abc import Sequence

import anyio
import msgspec

from modelnet.service.routing import StandingRouter
from modelnet.service.standing import Beliefs
from modelnet.testbed.bench.load.figure import Point, point, quantile
from modelnet.testbed.bench.load.fleet import capacity
from modelnet.testbed.bench.load.rival import RIVALS
from modelnet.testbed.bench.load.sample import Sample
from modelnet.testbed.bench.load.traffic import arrivals, work
from modelnet.testbed.bench.load.world import Plan, RouterFor, World, simulated
from modelnet.testbed.virtual_time import run_virtual

OWN = "modelnet"
"""The router of this network, among its rivals."""

ROUTERS = (OWN, *RIVALS)

_RAMP = 0.3
"""Of what is asked so much is left out at the beginning, until queues are as they will be."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of which router; either at a rate, or by so many who ask again and again."""

    router: str
    plan: Plan
    load: float | None = None
    count: int = 0
    """Questions."""
    concurrency: int = 0


class Tail(msgspec.Struct, frozen=True):
    """The slowest answers, and what was done about them."""

    p999_s: float | None
    calls_per_question: float


def measure_point(cell: Cell) -> Point:
    """Return what the router made of it."""
    return run_virtual(_point, cell)


def measure_tail(cell: Cell) -> Tail:
    """Return the slowest answers."""
    return run_virtual(_tail, cell)


async def _point(cell: Cell) -> Point:
    async with simulated(cell.plan, router_of(cell.router)) as world:
        began_s = anyio.current_time()
        samples = await ask_all(cell, world)
        last_s = max(one.asked_at_s for one in samples)
    servers = cell.plan.servers
    return point(
        samples,
        from_s=began_s + _RAMP * (last_s - began_s),
        to_s=last_s,
        capacity_per_s=capacity(servers),
        nodes=len(servers),
        load=cell.load,
        concurrency=cell.concurrency or None,
    )


async def _tail(cell: Cell) -> Tail:
    async with simulated(cell.plan, router_of(cell.router)) as world:
        calls = world.calls
        samples = await ask_all(cell, world)
        calls = world.calls - calls
    measured = samples[int(_RAMP * len(samples)) :]
    # A question that failed took at least as long as anyone would wait.
    times = [one.took_s if one.server is not None else cell.plan.answer_s for one in measured]
    return Tail(quantile(times, 0.999), calls / len(samples))


def router_of(name: str) -> RouterFor:
    """Return what makes a router of that name, one that knows nothing yet."""
    if name in RIVALS:
        return lambda _: RIVALS[name]()
    return lambda node: StandingRouter(Beliefs(node))


async def ask_all(cell: Cell, world: World) -> Sequence[Sample]:
    """Ask everything and return what became of it, in the order of asking."""
    rng = random.Random(f"{cell.plan.seed}/questions")  # noqa: S311 - a simulation's dice
    samples: list[Sample] = []
    began_s = anyio.current_time()

    async def once(at_s: float, tokens: int) -> None:
        asker = rng.choice(world.askers)
        await anyio.sleep_until(began_s + at_s)
        samples.append(await asker.ask(tokens))

    left = iter(range(cell.count))

    async def again(number: int) -> None:
        asker = world.askers[number % len(world.askers)]
        for _ in left:
            sample = await asker.ask(work(rng))
            samples.append(sample)

    async with anyio.create_task_group() as group:
        if cell.load is None:
            for number in range(cell.concurrency):
                group.start_soon(again, number)
        else:
            per_s = cell.load * capacity(cell.plan.servers)
            for at_s, tokens in arrivals(rng, per_s, cell.count):
                group.start_soon(once, at_s, tokens)
    return sorted(samples, key=lambda one: one.asked_at_s)
