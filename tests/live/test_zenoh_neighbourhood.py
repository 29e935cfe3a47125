"""Not being fooled about who is here, and leaving nothing behind."""

import contextlib
import time

import anyio
import anyio.to_thread
import pytest
import zenoh

from modelnet.core.clock import system_clock
from modelnet.transport.network import PeerJoined, PeerLeft
from modelnet.transport.zenoh import ZenohNetwork, ZenohSettings
from modelnet.transport.zenoh.presence import show
from modelnet.transport.zenoh.settings import Keys
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

pytestmark = [pytest.mark.anyio, pytest.mark.live]


@pytest.fixture
def name():
    return f"sight-{time.monotonic_ns()}"


def envelope():
    return Envelope(NodeKey.generate(), system_clock)


def network(name, *, join=()):
    return ZenohNetwork(
        ZenohSettings(network=name, multicast=False, join=join), envelope(), system_clock
    )


@contextlib.asynccontextmanager
async def raw_session(endpoint):
    """A session that is no node: what it puts is up to the test."""
    config = zenoh.Config()
    config.insert_json5("connect/endpoints", f'["{endpoint}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    session = await anyio.to_thread.run_sync(zenoh.open, config)
    try:
        yield session
    finally:
        await anyio.to_thread.run_sync(session.close)


async def test_an_old_token_shown_again_changes_nothing(name):
    """Who copies a token that a node showed earlier cannot make it seem restarted."""
    victim = envelope()
    keys = Keys(name)
    old, new = (keys.token(show(victim, system_clock, None)) for _ in range(2))
    async with network(name) as one, one.watch() as events, raw_session(one.listen[0]) as session:
        current = session.liveliness().declare_token(new)
        with anyio.fail_after(10):
            assert await anext(events) == PeerJoined(victim.node)
        session.liveliness().declare_token(old).undeclare()
        current.undeclare()
        with anyio.fail_after(10):
            assert await anext(events) == PeerLeft(victim.node)


async def test_cancelling_while_joining_leaves_nothing_open(name):
    async with network(name) as one, one.watch() as events:
        with anyio.move_on_after(0.001):
            async with network(name, join=one.listen):
                await anyio.sleep_forever()
        async with network(name, join=one.listen) as two:
            seen = await anext(events)
            while seen != PeerJoined(two.node):
                seen = await anext(events)
