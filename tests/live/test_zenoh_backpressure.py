"""A reader that stops reading, with its link open, must not hold up the node that answers it."""

import time

import anyio
import pytest

from modelnet.core.clock import system_clock
from modelnet.transport.network import PeerJoined, PeerLeft
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey
from tests.live.zenoh_process import nodes_of_a_test

pytestmark = [pytest.mark.anyio, pytest.mark.live]

STREAMS = 40


async def test_a_frozen_asker_of_many_streams_does_not_stop_the_event_loop():
    asked = 0

    async def handler(_):
        nonlocal asked
        asked += 1
        while True:
            yield bytes(10_000)
            await anyio.sleep(0.002)

    server = ZenohNetwork(
        ZenohSettings(multicast=False), Envelope(NodeKey.generate(), system_clock), system_clock
    )
    server.serve(handler)
    async with server, server.watch() as events, nodes_of_a_test() as nodes:
        asker = await nodes.start(join=server.listen)
        assert await anext(events) == PeerJoined(asker.node)
        for _ in range(STREAMS):
            await asker.ask(server, "endless")
        with anyio.fail_after(30):
            while asked < STREAMS:  # noqa: ASYNC110 - the handler has no event to share
                await anyio.sleep(0.01)
        asker.freeze()
        longest_s = 0.0
        async with anyio.create_task_group() as tasks:

            async def measure():
                nonlocal longest_s
                while True:
                    begin = time.monotonic()
                    await anyio.sleep(0.01)
                    longest_s = max(longest_s, time.monotonic() - begin)

            tasks.start_soon(measure)
            with anyio.fail_after(10):
                while not isinstance(event := await anext(events), PeerLeft):
                    pass
            tasks.cancel_scope.cancel()
        assert event == PeerLeft(asker.node)
        # A blocked loop stands still until the link is given up, which takes two seconds.
        assert longest_s < 1.0
