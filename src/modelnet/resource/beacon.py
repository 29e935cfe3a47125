"""The load beacon: tells the network how busy this node's models are, when that changes."""

import anyio

from modelnet.core.load import Load
from modelnet.resource.directory import LoadAnnounced
from modelnet.resource.host import Host
from modelnet.resource.message import encode
from modelnet.resource.watcher import Watcher
from modelnet.transport.network import Network

INTERVAL_S = 0.25
"""At most so often: every node checks the signature of every beacon."""


async def run_beacon(host: Host, network: Network, watcher: Watcher) -> None:
    """Announce the load of this node until cancelled."""
    told = Load()
    while True:
        load = host.load
        if load != told:
            watcher.tell(LoadAnnounced(network.node, load))
            await network.announce("load", encode(load))
            told = load
        await anyio.sleep(INTERVAL_S)
