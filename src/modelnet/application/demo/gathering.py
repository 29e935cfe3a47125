"""Starting the nodes, and waiting until they know each other and were measured."""

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import anyio

from modelnet.application.client import NodeAddress, NodeClient, open_client
from modelnet.application.demo.cast import TWIN, VICTIM, Cast
from modelnet.application.demo.process import Fleet, NodeProcess, NodeSpec
from modelnet.application.gateway.catalog import OfferView
from modelnet.core.error import DeadlineError
from modelnet.interaction.examiner import QUESTIONS_PER_NEWCOMER
from modelnet.service.exam import EXAMINERS
from modelnet.service.skill import SKILLS

MEET_S = 15.0
MEASURE_S = 60.0
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

    async def is_complete() -> bool:
        return all([wanted <= {node.id for node in await one.client.nodes()} for one in present])

    with _limit(MEET_S, "The nodes did not find each other"):
        await _until(is_complete)
    return max(0.0, time.monotonic() - max(one.node.ready_at_s for one in present))


async def _start(fleet: Fleet, spec: NodeSpec, clients: AsyncExitStack) -> Present:
    node = await fleet.start_node(spec)
    client = await clients.enter_async_context(open_client(NodeAddress(node.base_url)))
    return Present(node, client)


async def measured(present: Sequence[Present]) -> list[OfferView]:
    """Wait until every model was examined by all its examiners; return what is offered then.

    The slow twin takes its time over its exams and is not waited for.
    """
    offers: list[OfferView] = []
    enough = QUESTIONS_PER_NEWCOMER * min(EXAMINERS, len(present) - 1)

    async def is_measured() -> bool:
        offers[:] = await present[0].client.models()
        return all(_is_slow(offer) or _least_asked(offer) >= enough for offer in offers)

    with _limit(MEASURE_S, "The models were not measured"):
        await _until(is_measured)
    return offers


def _is_slow(offer: OfferView) -> bool:
    return (offer.node_name, offer.card.name) == (VICTIM, TWIN)


def _least_asked(offer: OfferView) -> float:
    """Return how many questions were asked on the skill that was examined least."""
    claimed = [skill.id for skill in offer.card.skills if skill.id in SKILLS]
    return min(
        (offer.skills[skill].asked if skill in offer.skills else 0.0 for skill in claimed),
        default=0.0,
    )


async def _until(is_reached: Callable[[], Awaitable[bool]]) -> None:
    while not await is_reached():  # noqa: ASYNC110  other processes can set no event here
        await anyio.sleep(_POLL_S)


@contextmanager
def _limit(limit_s: float, what: str) -> Generator[None]:
    try:
        with anyio.fail_after(limit_s):
            yield
    except TimeoutError:
        raise DeadlineError(f"{what} within {limit_s:.0f} s: try on a less busy machine.") from None
