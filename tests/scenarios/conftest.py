"""Whole networks in one process, on virtual time."""

import random
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import anyio
import pytest

from modelnet.application.node import Node
from modelnet.application.settings import Settings
from modelnet.core.chunk import Chunk
from modelnet.core.identity import new_request_id
from modelnet.core.request import Chat, Message, Request
from modelnet.core.task import Contribution, Task
from modelnet.resource.model import Model
from modelnet.testbed.virtual_time import VirtualTimeLoop, virtual_clock
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"loop_factory": VirtualTimeLoop})


class World:
    """Nodes on one hub, and what tests do to them."""

    def __init__(self, stack: AsyncExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.hub = MemoryHub(seed=7)
        self._born = 0

    async def node(
        self,
        name: str,
        *models: Model | Callable,
        exams: bool = False,
        ahead_s: float = 0.0,
        kind: type[Node] = Node,
        settings: dict | None = None,
    ) -> Node:
        """Let a node join; its key follows from how many came before it."""
        self._born += 1
        key = NodeKey.from_seed(self._born.to_bytes(32, "big"))

        def clock() -> float:
            return virtual_clock() + ahead_s

        network = MemoryNetwork(self.hub, Envelope(key, clock), clock)
        told = {"data_dir": self._home / name, **(settings or {})}
        node = kind(
            Settings(name=name, exams=exams, **told),
            models=models,
            network=network,
            key=key,
            with_http=False,
            clock=clock,
            rng=random.Random(self._born),
        )
        return await self._stack.enter_async_context(node)

    async def offers(self, node: Node, count: int) -> None:
        """Wait until a node knows so many models."""
        with anyio.fail_after(10):
            await node.wait_until(lambda directory: len(directory.offers) == count)


@pytest.fixture
async def world(tmp_path: Path):
    async with AsyncExitStack() as stack:
        yield World(stack, tmp_path)


def task(request: Request | str, *models: str, within_s: float = 60.0) -> Task:
    """A task as a person would give it."""
    asked = Chat((Message("user", request),)) if isinstance(request, str) else request
    return Task(
        id=new_request_id(),
        request=asked,
        models=models or ("auto",),
        deadline=virtual_clock() + within_s,
    )


class Heard:
    """What came back, piece by piece."""

    def __init__(self) -> None:
        self.contributions: list[Contribution] = []
        self.chunks: list[Chunk] = []

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def models(self) -> list[str]:
        return [contribution.model for contribution in self.contributions]


async def listen(
    node: Node, asked: Task, *, on_chunk: Callable[[Heard], None] | None = None
) -> Heard:
    """Ask and hear the answer to its end."""
    heard = Heard()
    async with aclosing(node.answer(asked)) as steps:
        async for step in steps:
            if isinstance(step, Contribution):
                heard.contributions.append(step)
            else:
                heard.chunks.append(step)
                if on_chunk is not None:
                    on_chunk(heard)
    return heard
