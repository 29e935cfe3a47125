"""Starting the nodes, and waiting until they know each other and were measured."""

import time
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import anyio

from modelnet.application.address import NodeAddress
from modelnet.application.client import NodeClient, open_client
from modelnet.application.demo.cast import TWIN, VICTIM, Cast
from modelnet.application.demo.process import Fleet, NodeProcess, NodeSpec
from modelnet.application.gateway.catalog import OfferView
from modelnet.core.error import DeadlineError
from modelnet.service.exam import EXAMINERS
from modelnet.service.sitting import LEAST, SOON
from modelnet.service.skill import SKILLS

MEET_S = 15.0
ALL_EXAMS_S = 30.0
ONE_EXAM_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Present:
    """A node of the demo, and a client that asks it."""

    node: NodeProcess
    client: NodeClient


async def start_all(fleet: Fleet, cast: Cast, clients: AsyncExitStack) -> tuple[Present, ...]:
    """Start the entrance, then all the others at once; their clients close with `clients`."""
    entrance = await _start(fleet, cast.entrance(), clients)
    started: dict[str, Present] = {}

    async def start(spec: NodeSpec) -> None:
        started[spec.name] = await _start(fleet, spec, clients)

    specs = cast.specialists(entrance.node.ready.listen)
    async with anyio.create_task_group() as group:
        for spec in specs:
            group.start_soon(start, spec)
    return (entrance, *(started[spec.name] for spec in specs))


async def meet(present: Sequence[Present]) -> float:
    """Return seconds from the last node's being ready until every node lists every other.

    Raises:
        DeadlineError: they do not find each other.
    """
    wanted = {one.node.ready.node for one in present}

    with _limit(MEET_S, "The nodes did not find each other"):
        for one in present:
            while not wanted <= {node.id for node in await one.client.nodes()}:  # noqa: ASYNC110
                await anyio.sleep(_POLL_S)
    return max(0.0, time.monotonic() - max(one.node.ready_at_s for one in present))


async def _start(fleet: Fleet, spec: NodeSpec, clients: AsyncExitStack) -> Present:
    node = await fleet.start_node(spec)
    client = await clients.enter_async_context(open_client(NodeAddress(node.base_url)))
    return Present(node, client)


async def measured(present: Sequence[Present]) -> list[OfferView]:
    """Wait until the models were examined, and return what is offered then.

    All examiners are waited for a while, then one is enough; the slow twin, which takes its time
    over its exams, is not waited for.
    """
    client = present[0].client
    with anyio.move_on_after(ALL_EXAMS_S):
        return await _offers(client, asked=min(EXAMINERS, len(present) - 1) * SOON)
    with _limit(ONE_EXAM_S, "The models were not measured"):
        return await _offers(client, asked=LEAST)


async def _offers(client: NodeClient, asked: int) -> list[OfferView]:
    """Return the offers once each of them was asked so many questions on what it claims."""
    while True:
        offers = await client.models()
        if min(_least_asked(offer) for offer in offers if not _is_slow(offer)) >= asked:
            return offers
        await anyio.sleep(_POLL_S)


def _is_slow(offer: OfferView) -> bool:
    return (offer.node_name, offer.card.name) == (VICTIM, TWIN)


def _least_asked(offer: OfferView) -> float:
    """Return how many questions were asked on the skill that was examined least."""
    claimed = [skill.id for skill in offer.card.skills if skill.id in SKILLS]
    return min(
        (offer.skills[skill].asked if skill in offer.skills else 0.0 for skill in claimed),
        default=0.0,
    )


@contextmanager
def _limit(limit_s: float, what: str) -> Generator[None]:
    try:
        with anyio.fail_after(limit_s):
            yield
    except TimeoutError:
        raise DeadlineError(f"{what} within {limit_s:.0f} s: try on a less busy machine.") from None
