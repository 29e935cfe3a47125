"""A node in a process of its own: one JSON object a line, in and out.

Its only argument is the JSON of its settings. It prints `ready`, then every event it sees with the
time it saw it; `{"ask": peer, "body": text}` on its input makes it ask and print the pieces.
"""

import json
import sys
import time
from contextlib import aclosing

import anyio
import anyio.to_thread
import msgspec

from modelnet.core.clock import system_clock
from modelnet.core.error import ModelnetError
from modelnet.transport.network import PeerAnnounced
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey


def say(**line):
    print(json.dumps({"at": time.time(), **line}), flush=True)


async def handler(incoming):
    """Echo, or with the body `endless` yield for ever."""
    try:
        yield incoming.body
        while incoming.body == b"endless":
            yield b"more"
            await anyio.sleep(0.005)
    finally:
        say(event="handler_closed")


async def follow(events):
    async for event in events:
        line = {"event": type(event).__name__, "node": event.node}
        if isinstance(event, PeerAnnounced):
            line |= {"topic": event.topic, "state": event.state.decode()}
        say(**line)


async def ask(network, peer, body, timeout_s=30.0):
    try:
        reply = network.ask(peer, body.encode(), deadline=time.time() + timeout_s)
        async with aclosing(reply) as pieces:
            async for piece in pieces:
                say(event="piece", piece=piece.decode())
        say(event="end")
    except ModelnetError as error:
        say(event="error", code=error.code, message=error.message)


async def obey(network, tasks):
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        command = json.loads(line)
        tasks.start_soon(ask, network, command["ask"], command["body"])
    tasks.cancel_scope.cancel()


async def main(settings, card):
    network = ZenohNetwork(settings, Envelope(NodeKey.generate(), system_clock), system_clock)
    network.serve(handler)
    try:
        await network.announce("card", card.encode())
        async with network, network.watch() as events, anyio.create_task_group() as tasks:
            say(event="ready", node=network.node, listen=network.listen)
            tasks.start_soon(follow, events)
            await obey(network, tasks)
    except ModelnetError as error:
        say(event="error", code=error.code, message=error.message)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    card = given.pop("card", "a card")
    anyio.run(main, msgspec.convert(given, ZenohSettings), card)
