"""A simulated network: nodes that answer at their pace, askers with the product's coordinator."""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus

from modelnet.core.chunk import Chunk
from modelnet.core.error import ModelnetError, OverloadedError
from modelnet.core.identity import NodeId, new_request_id
from modelnet.core.load import ModelLoad
from modelnet.core.request import Chat, Message
from modelnet.core.task import Contribution, Task
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.pool import Pool
from modelnet.interaction.strategy.single import Single
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.beacon import Beacon
from modelnet.resource.directory import Offer
from modelnet.resource.host import Host
from modelnet.resource.message import announce_cards
from modelnet.resource.model import Model
from modelnet.resource.remote import RemoteModel
from modelnet.resource.watcher import Watcher
from modelnet.service.analysis import analyse
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.routing import Router
from modelnet.testbed.bench.load.fleet import Server
from modelnet.testbed.bench.load.guard import UnsignedGuard
from modelnet.testbed.bench.load.sample import Sample
from modelnet.testbed.bench.load.straggler import StragglingModel
from modelnet.testbed.bench.load.traffic import alone_s, mean_work, pace
from modelnet.testbed.virtual_time import virtual_clock
from modelnet.transport.memory import LineProfile, MemoryHub, MemoryNetwork
from modelnet.trust.key import NodeKey

MODEL = "simulated"
WARM_UP = 2
"""Answers of every node that every asker has seen before anything is measured."""

RouterFor = Callable[[NodeId], Router]
"""Makes the router of one asker."""

Answers = Callable[[Task], AsyncGenerator[Chunk | Contribution, None]]

_MEET_S = 5.0
_FIRST_ASKER = 1000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A network to simulate."""

    servers: tuple[Server, ...]
    askers: int = 4
    """Nodes that ask, each with a router of its own that knows what its node saw."""
    seed: int = 0
    answer_s: float = 10.0
    """A later answer is worth nothing."""
    p_straggler: float = 0.0
    hedge_share: float | None = None
    """Calls that hedging may add; the product's own share where none is given."""


class Asker:
    """A node without models, as a gateway is, and whoever asks through it."""

    def __init__(self, answers: Answers, servers: dict[NodeId, int], plan: Plan) -> None:
        self._answers = answers
        self._servers = servers
        self._plan = plan

    async def ask(self, tokens: int, model: str = MODEL) -> Sample:
        """Ask for an answer of so many tokens and return what became of it.

        Who is refused stays away for as long as it is told, as a client does.
        """
        began_s = anyio.current_time()
        try:
            server = await self._server_of(tokens, model)
        except ModelnetError as error:
            if isinstance(error, OverloadedError):
                await anyio.sleep(error.retry_after_s or 0.0)
            return Sample(began_s, anyio.current_time() - began_s)
        took_s = anyio.current_time() - began_s
        return Sample(began_s, took_s, alone_s(self._plan.servers[server], tokens), server)

    async def see_all(self) -> None:
        """See every node answer."""
        for node in self._servers:
            for _ in range(WARM_UP):
                await self.ask(round(mean_work()), f"{MODEL}@{node}")

    async def _server_of(self, tokens: int, model: str) -> int:
        task = Task(
            id=new_request_id(),
            request=Chat((Message("user", " x" * tokens),)),
            models=(model,),
            deadline=virtual_clock() + self._plan.answer_s,
        )
        server = -1
        async with aclosing(self._answers(task)) as steps:
            async for step in steps:
                if isinstance(step, Contribution):
                    server = self._servers[step.node]
        return server


class World:
    """A network that runs, and what can be seen of it from outside."""

    def __init__(self, plan: Plan, group: TaskGroup) -> None:
        self._plan = plan
        self._group = group
        self._hub = MemoryHub(seed=plan.seed)
        self._nodes: dict[NodeId, int] = {}
        self._hosts: list[Host] = []
        self._models: list[StragglingModel] = []
        self.askers: list[Asker] = []

    @property
    def loads(self) -> list[ModelLoad]:
        """How busy every node is now: the truth, not what a beacon said."""
        return [host.load.models[MODEL] for host in self._hosts]

    @property
    def calls(self) -> int:
        """Answers that were begun, whoever needed them."""
        return sum(model.calls for model in self._models)

    async def add_server(self, stack: AsyncExitStack, server: Server) -> None:
        """Let a node join that answers."""
        number = len(self._hosts)
        key, network = await self._join(stack, number + 1)
        rng = random.Random(f"{self._plan.seed}/straggler/{number}")  # noqa: S311
        p_straggler, usual_s = self._plan.p_straggler, server.mean_s
        model = StragglingModel(_model(server), p_straggler, usual_s, rng)
        await model.start()
        self._models.append(model)
        host = Host(virtual_clock)
        host.add(model)
        network.serve(host.handle)
        await network.announce("card", announce_cards(key, f"server{number}", host.cards))
        watcher = Watcher(key.node, virtual_clock, _ignore)
        self._group.start_soon(Beacon(host, network, watcher).run)
        self._nodes[key.node] = number
        self._hosts.append(host)

    async def add_asker(self, stack: AsyncExitStack, router_for: RouterFor) -> None:
        """Let a node join that asks, and see every node answer."""
        number = _FIRST_ASKER + len(self.askers)
        key, network = await self._join(stack, number)
        for node, which in self._nodes.items():
            delay_s = self._plan.servers[which].delay_s
            self._hub.set_line(key.node, node, LineProfile(delay_s=delay_s))
        watcher = Watcher(key.node, virtual_clock, _ignore)
        await self._group.start(_follow, watcher, network)

        def model_of(offer: Offer) -> Model:
            return RemoteModel(network, offer.node, offer.card)

        rng = random.Random(f"{self._plan.seed}/{number}")  # noqa: S311 - a simulation's dice
        parts = (watcher, router_for(key.node), model_of, virtual_clock, rng)
        with anyio.fail_after(_MEET_S):
            await watcher.wait_until(lambda known: len(known.offers) == len(self._nodes))
        asker = Asker(_answers(parts, self._plan.hedge_share), self._nodes, self._plan)
        await asker.see_all()
        self.askers.append(asker)

    async def _join(self, stack: AsyncExitStack, number: int) -> tuple[NodeKey, MemoryNetwork]:
        key = NodeKey.from_seed(number.to_bytes(32, "big"))
        guard = UnsignedGuard(key.node, virtual_clock)
        network = MemoryNetwork(self._hub, guard, virtual_clock)
        await stack.enter_async_context(network)
        return key, network


@asynccontextmanager
async def simulated(plan: Plan, router_for: RouterFor) -> AsyncGenerator[World]:
    """Yield a network on virtual time whose askers have seen every node answer."""
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(anyio.create_task_group())
        world = World(plan, group)
        for server in plan.servers:
            await world.add_server(stack, server)
        for _ in range(plan.askers):
            await world.add_asker(stack, router_for)
        yield world
        group.cancel_scope.cancel()


Parts = tuple[Watcher, Router, Callable[[Offer], Model], Callable[[], float], random.Random]


def _answers(parts: Parts, hedge_share: float | None) -> Answers:
    """Return how tasks are answered: by the coordinator, or by its strategy for one model alone."""
    if hedge_share is None:
        return Coordinator(*parts).answer
    single, pool = Single(HedgeBudget(hedge_share)), Pool(*parts)

    def answer(task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        errand = Errand(task=task, features=analyse(task.request), names=task.models)
        return single.run(errand, pool)

    return answer


async def _follow(
    watcher: Watcher, network: MemoryNetwork, *, task_status: TaskStatus[None]
) -> None:
    await watcher.follow(network, task_status=task_status)


def _model(server: Server) -> ScriptedModel:
    begin_s, token_s = pace(server)
    card = scripted_card(MODEL, parallel=server.places)
    return ScriptedModel(card=card, pace=Pace(begin_s, 1.0 / token_s), clock=virtual_clock)


def _ignore(_: object) -> None:
    """Hear an event of the directory that nobody needs to be told of."""
