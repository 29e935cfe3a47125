"""The load beacon: tells the network how busy this node is, when that changes."""

from collections.abc import Callable

import anyio
from anyio import to_thread

from modelnet.core.load import Load
from modelnet.core.machine import Machine
from modelnet.resource.directory import LoadAnnounced
from modelnet.resource.host import Host
from modelnet.resource.message import encode
from modelnet.resource.watcher import Watcher
from modelnet.transport.network import Network

INTERVAL_S = 0.25
"""At most so often: every node checks the signature of every beacon."""

ENGINE_INTERVAL_S = 0.5
"""How often the node asks itself whether it is time to look at an engine."""

MACHINE_INTERVAL_S = 10.0
"""How often the node looks at its machine."""

Look = Callable[[], Machine]
"""How a node looks at its machine; may block."""


class Beacon:
    """Announces the load of this node."""

    def __init__(
        self, host: Host, network: Network, watcher: Watcher, look: Look | None = None
    ) -> None:
        """Tell of the host's models and, where there is a way to look, of the machine."""
        self._host = host
        self._network = network
        self._watcher = watcher
        self._look = look
        self._machine: Machine | None = None

    async def run(self) -> None:
        """Announce until cancelled."""
        async with anyio.create_task_group() as group:
            if self._look is not None:
                group.start_soon(self._watch_machine, self._look)
            group.start_soon(self._watch_engines)
            await self._announce_changes()

    async def _announce_changes(self) -> None:
        told = Load()
        while True:
            load = Load(self._host.load.models, self._machine)
            if load != told:
                self._watcher.tell(LoadAnnounced(self._network.node, load))
                await self._network.announce("load", encode(load))
                told = load
            await anyio.sleep(INTERVAL_S)

    async def _watch_engines(self) -> None:
        while True:
            await self._host.look()
            await anyio.sleep(ENGINE_INTERVAL_S)

    async def _watch_machine(self, look: Look) -> None:
        """Look now and then, in a thread: a driver that hangs must not hold up the node."""
        while True:
            machine = await to_thread.run_sync(look, abandon_on_cancel=True)
            self._machine = machine.rounded()
            await anyio.sleep(MACHINE_INTERVAL_S)
