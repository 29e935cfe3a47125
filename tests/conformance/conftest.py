"""A place where networks of either kind meet: every test of the seam runs in each."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest

from modelnet.core.clock import Clock, system_clock
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.transport.network import Handler, Network, PeerEvent, PeerJoined
from modelnet.transport.wire import Limits
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

PATIENCE_S = 10.0
"""How long a test waits for what should take milliseconds."""


class Place:
    """Makes networks that find each other, and ends what it made."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    def make(self, key: NodeKey, clock: Clock, limits: Limits) -> Network:
        """Return a network that has not joined."""
        raise NotImplementedError

    def make_another(self, key: NodeKey | None = None) -> Network:
        """Return a network that has not joined, with what most tests want."""
        return self.make(key or NodeKey.generate(), system_clock, Limits())

    async def join(
        self,
        handler: Handler | None = None,
        *,
        clock: Clock = system_clock,
        key: NodeKey | None = None,
        limits: Limits | None = None,
    ) -> Network:
        """Return a network that has joined."""
        network = self.make(key or NodeKey.generate(), clock, limits or Limits())
        if handler is not None:
            network.serve(handler)
        return await self._stack.enter_async_context(network)

    async def until(self, network: Network, wanted: PeerEvent) -> None:
        """Return when an event has come, of those known and those to come."""
        with anyio.fail_after(PATIENCE_S):
            async with network.watch() as events:
                async for event in events:
                    if event == wanted:
                        return

    async def meet(self, *networks: Network) -> None:
        """Return when each sees all others."""
        for network in networks:
            for other in networks:
                if other is not network:
                    await self.until(network, PeerJoined(other.node))


class MemoryPlace(Place):
    """Networks of one hub."""

    def __init__(self, stack: AsyncExitStack) -> None:
        super().__init__(stack)
        self._hub = MemoryHub()

    def make(self, key: NodeKey, clock: Clock, limits: Limits) -> Network:
        return MemoryNetwork(self._hub, Envelope(key, clock), clock, limits)


class ZenohPlace(Place):
    """Networks on loopback; each joins through the first."""

    def __init__(self, stack: AsyncExitStack) -> None:
        super().__init__(stack)
        self._name = f"test-{time.monotonic_ns()}"
        self._first: Network | None = None

    def make(self, key: NodeKey, clock: Clock, limits: Limits) -> Network:
        from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings

        settings = ZenohSettings(
            network=self._name, multicast=False, join=self._first.listen if self._first else ()
        )
        network = ZenohNetwork(settings, Envelope(key, clock), clock, limits)
        self._first = self._first or network
        return network


@pytest.fixture(params=["memory", pytest.param("zenoh", marks=pytest.mark.live)])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A place of each kind."""
    async with AsyncExitStack() as stack:
        yield MemoryPlace(stack) if request.param == "memory" else ZenohPlace(stack)


@pytest.fixture
def deadline() -> float:
    """A deadline that a test never reaches."""
    return time.time() + 30
