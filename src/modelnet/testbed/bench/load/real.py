"""The same with real processes: nodes that serve the zoo at different paces, and one gateway.

The rivals balance here, on this side of the gateway, by asking for the model of one node
(`zoo:text@slow`): so they are compared without changing the product.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio

from modelnet.application.address import NodeAddress
from modelnet.application.client import NodeClient, open_client
from modelnet.application.demo.process import Fleet, NodeSpec
from modelnet.core.error import ModelnetError, OverloadedError
from modelnet.testbed.bench.load.cell import OWN
from modelnet.testbed.bench.load.figure import Point, Real, compared, point
from modelnet.testbed.bench.load.sample import Sample

MODEL = "zoo:text"
PACES = {"slow": 8, "middling": 16, "fast": 32}
"""Characters of answer a second, of each place: far below what the zoo needs a core for."""

QUESTION = "Spell the word extraordinary backwards."
ANSWER_S = 30.0

ALONE = 16
"""Askers of one node alone: enough to keep all its places busy."""

RIVALS_AT = 16

_MEET_S = 30.0
_POLL_S = 0.05
_REFUSED_S = 0.05

Choose = Callable[[Counter[str]], str]
"""Returns the model to ask for, given how many requests are under way to each node."""


async def measure_real(home: Path, concurrencies: Sequence[int], lasts_s: float) -> Real:
    """Start the nodes, measure what each gives alone, then all of them through the gateway."""
    async with Fleet(home) as fleet:
        gateway = await fleet.start_node(_spec("gateway", ()))
        for name in PACES:
            await fleet.start_node(_spec(name, gateway.ready.listen))
        async with open_client(NodeAddress(gateway.base_url)) as client:
            await _meet(client)
            asking = _Asking(client, lasts_s)
            alone = [(await asking.point(ALONE, _only(name), 1.0)).goodput_share for name in PACES]
            per_s = sum(alone)
            own = [await asking.point(n, lambda _: MODEL, per_s) for n in concurrencies]
            rivals = {
                name: [await asking.point(RIVALS_AT, choose, per_s)]
                for name, choose in _rivals(random.Random(0)).items()  # noqa: S311
            }
    routers = {OWN: own, **rivals}
    told = {name: compared(points, own[0].p95_s) for name, points in routers.items()}
    return Real(capacity_per_s=round(per_s, 3), router=told)


class _Asking:
    """Clients that ask again as soon as they are answered."""

    def __init__(self, client: NodeClient, lasts_s: float) -> None:
        self._client = client
        self._lasts_s = lasts_s

    async def point(self, concurrency: int, choose: Choose, capacity_per_s: float) -> Point:
        """Ask with so many clients for a while, and return the figures."""
        samples: list[Sample] = []
        under_way: Counter[str] = Counter()
        began_s = time.monotonic()
        ramp_s = self._lasts_s / 3
        to_s = began_s + ramp_s + self._lasts_s

        async def ask_on() -> None:
            while time.monotonic() < to_s:
                model = choose(under_way)
                under_way[model] += 1
                samples.append(await self._ask(model))
                under_way[model] -= 1

        async with anyio.create_task_group() as group:
            for _ in range(concurrency):
                group.start_soon(ask_on)
        return point(
            samples,
            from_s=began_s + ramp_s,
            to_s=to_s,
            capacity_per_s=capacity_per_s,
            nodes=0,
            concurrency=concurrency,
        )

    async def _ask(self, model: str) -> Sample:
        began_s = time.monotonic()
        messages = [{"role": "user", "content": QUESTION}]
        try:
            stream = self._client.chat(messages, model=model, timeout_s=ANSWER_S, temperature=0.0)
            async for _ in stream:
                pass
        except ModelnetError as error:
            told_s = error.retry_after_s if isinstance(error, OverloadedError) else None
            await anyio.sleep(told_s or _REFUSED_S)
            return Sample(began_s, time.monotonic() - began_s)
        return Sample(began_s, time.monotonic() - began_s, server=0)


def _rivals(rng: random.Random) -> dict[str, Choose]:
    names = [f"{MODEL}@{name}" for name in PACES]
    turns = Counter[str]()

    def round_robin(_: Counter[str]) -> str:
        turns[""] += 1
        return names[turns[""] % len(names)]

    return {
        "round robin": round_robin,
        "random": lambda _: rng.choice(names),
        "least outstanding": lambda busy: min(names, key=lambda one: (busy[one], rng.random())),
        "two choices": lambda busy: min(rng.sample(names, 2), key=lambda one: busy[one]),
    }


def _only(name: str) -> Choose:
    return lambda _: f"{MODEL}@{name}"


def _spec(name: str, join: tuple[str, ...]) -> NodeSpec:
    models = (f"{MODEL}?pace={PACES[name]}",) if join else ()
    return NodeSpec(
        name=name, network="bench-load", models=models, join=join, flags=("--no-exams",)
    )


async def _meet(client: NodeClient) -> None:
    with anyio.fail_after(_MEET_S):
        while len(await client.models()) < len(PACES):  # noqa: ASYNC110  other processes set no event
            await anyio.sleep(_POLL_S)
