"""A node that says whom it sees and when: `python -m modelnet.testbed.member SETTINGS`.

A `modelnet.Node` without HTTP, in a process of its own, for benchmarks: it prints one JSON line
when it is ready and one whenever it learns of a node or loses one. Times are of the monotonic
clock, which all processes of a machine share.
"""

import sys
import time

import msgspec

from modelnet.application.cli.loop import run
from modelnet.application.node import Node
from modelnet.application.settings import Settings, load_settings
from modelnet.core.identity import NodeId, short_node_id
from modelnet.resource.directory import Directory


class Ready(msgspec.Struct, frozen=True):
    """The first line: the node is in its network."""

    node: NodeId
    listen: tuple[str, ...]
    began_at_s: float
    """When it had read its code and began to join."""


class Sight(msgspec.Struct, frozen=True):
    """A change in who is known."""

    at_s: float
    joined: tuple[NodeId, ...] = ()
    left: tuple[NodeId, ...] = ()


async def live(settings: Settings) -> None:
    """Be a node, and report, until cancelled."""
    began_at_s = time.monotonic()
    async with Node(settings, with_http=False) as node:
        _say(Ready(node.id, node.listen, began_at_s))
        known: frozenset[NodeId] = frozenset()
        while True:
            seen = node.directory
            here, at_s = known_in(seen), time.monotonic()
            if here != known:
                _say(Sight(at_s, tuple(here - known), tuple(known - here)))
            known = here
            await node.wait_until(lambda directory, seen=seen: directory is not seen)


def known_in(directory: Directory) -> frozenset[NodeId]:
    """Return the other nodes whose announcement has arrived: before it, a node is only an id."""
    return frozenset(
        node
        for node, entry in directory.entries.items()
        if node != directory.self_id and entry.name != short_node_id(node)
    )


def _say(line: Ready | Sight) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _settings = load_settings(msgspec.json.decode(sys.argv[1]))
    run(lambda: live(_settings), exit_code_when_stopped=0)
