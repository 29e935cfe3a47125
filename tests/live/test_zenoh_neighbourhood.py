"""Seeing the others when the engine's view has holes, and not being fooled about who is here."""

import contextlib
import time

import anyio
import anyio.to_thread
import pytest
import zenoh

from modelnet.core.clock import system_clock
from modelnet.core.identity import new_request_id
from modelnet.transport.frame import Announcement, State, encode
from modelnet.transport.network import PeerAnnounced, PeerJoined, PeerLeft
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


async def test_a_node_that_is_heard_but_not_seen_makes_it_look_again(name):
    ghost = envelope()
    async with network(name) as one, one.watch() as events, raw_session(one.listen[0]) as session:
        two = network(name, join=one.listen)
        async with two:
            assert await anext(events) == PeerJoined(two.node)
            body = encode(Announcement("card", b"boo"))
            sealed = ghost.seal("state", body, to=None, id=new_request_id(), deadline=0.0)
            session.put(Keys(name).inbox(one.node), encode(State((sealed,))))
            seen = one._neighbourhood._subscription
            with anyio.fail_after(10):
                while one._neighbourhood._subscription is seen:  # noqa: ASYNC110 - no event tells
                    await anyio.sleep(0.02)
            token = session.liveliness().declare_token(
                Keys(name).token(show(ghost, system_clock, None))
            )
            with anyio.fail_after(10):
                assert await anext(events) == PeerJoined(ghost.node)
                assert await anext(events) == PeerAnnounced(ghost.node, "card", b"boo")
            token.undeclare()
            with anyio.fail_after(10):
                assert await anext(events) == PeerLeft(ghost.node)
        with anyio.fail_after(10):
            assert await anext(events) == PeerLeft(two.node)


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
