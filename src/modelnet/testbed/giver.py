"""A node that only hands on one file: `python -m modelnet.testbed.giver JOIN FILE`, for benchmarks.

It prints its id once it has joined. `python -m modelnet.testbed.giver HOST:PORT FILE FIRST SIZE` is
the same without a network: a raw socket that sends so many bytes of the file and no more.
"""

import socket
import sys
from pathlib import Path

import anyio

from modelnet.application.cli.loop import run
from modelnet.core.clock import system_clock
from modelnet.resource.copy.giving import Giver
from modelnet.resource.copy.offload import in_thread
from modelnet.resource.copy.shelf import Shelf
from modelnet.resource.host import Host
from modelnet.transport.bulk.sender import BulkSender
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey


async def give(join: str, path: Path) -> None:
    """Hand the file on until cancelled."""
    settings = ZenohSettings(network="bench-pull", multicast=False, join=(join,))
    network = ZenohNetwork(settings, Envelope(NodeKey.generate(), system_clock), system_clock)
    shelf = Shelf(path.parent / "hashed")
    shelf.put(await in_thread(shelf.hash, path))
    sender = BulkSender(lambda: network.listen, system_clock)
    host = Host(system_clock)
    host.hand_on(Giver(shelf, sender, in_thread))
    network.serve(host.handle)
    async with network, anyio.create_task_group() as tasks:
        tasks.start_soon(sender.run)
        sys.stdout.write(f"{network.node}\n")
        sys.stdout.flush()
        await anyio.sleep_forever()


def send(place: str, path: Path, first: int, size: int) -> None:
    """Send a range of the file to a raw socket, as fast as the system can."""
    host, _, port = place.rpartition(":")
    with path.open("rb") as file, socket.create_connection((host, int(port))) as connection:
        connection.recv(1)
        connection.sendfile(file, first, size)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        send(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        run(lambda: give(sys.argv[1], Path(sys.argv[2])), exit_code_when_stopped=0)
