"""What links do to nodes: delay, loss, cuts, freezes and crashes, on virtual time."""

import time
from contextlib import AsyncExitStack, aclosing

import anyio
import pytest

from modelnet.core.error import DeadlineError, PeerLostError
from modelnet.testbed.virtual_time import run_virtual, virtual_clock
from modelnet.transport.memory import LineProfile, MemoryHub, MemoryNetwork
from modelnet.transport.network import PeerAnnounced, PeerJoined, PeerLeft
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

pytestmark = pytest.mark.anyio

A, B, C = (NodeKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))


async def ticker(incoming):
    """Yield so many numbers, ten a second."""
    for number in range(int(incoming.body)):
        yield str(number).encode()
        await anyio.sleep(0.1)


class Lab:
    """Networks of one hub, and the times at which each saw what."""

    def __init__(self, hub, stack):
        self.hub = hub
        self._stack = stack

    async def join(self, *keys):
        networks = [self.make(key) for key in keys]
        for network in networks:
            await self._stack.enter_async_context(network)
        await anyio.sleep(1)
        return networks

    def make(self, key):
        network = MemoryNetwork(self.hub, Envelope(key, virtual_clock), virtual_clock)
        network.serve(ticker)
        return network

    async def ask(self, network, peer, count):
        asking = network.ask(peer.node, str(count).encode(), deadline=virtual_clock() + 60)
        async with aclosing(asking) as pieces:
            return [(piece, anyio.current_time()) async for piece in pieces]

    async def seen(self, network, duration_s):
        """Return the events of so many seconds, each with the time since now."""
        begin = anyio.current_time()
        seen = []
        async with network.watch() as events:
            with anyio.move_on_after(duration_s):
                while True:
                    event = await anext(events)
                    seen.append((event, anyio.current_time() - begin))
        return seen


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def lab(stack):
    return Lab(MemoryHub(seed=3), stack)


def numbers(count):
    return [str(number).encode() for number in range(count)]


class TestLines:
    async def test_a_delay_is_paid_once_each_way(self, lab):
        a, b = await lab.join(A, B)
        lab.hub.set_line(a.node, b.node, LineProfile(delay_s=0.25))
        begin = anyio.current_time()
        (first, _, last) = await lab.ask(a, b, 3)
        assert first == (b"0", pytest.approx(begin + 0.5))
        assert last == (b"2", pytest.approx(begin + 0.7))

    async def test_loss_delays_but_loses_and_reorders_nothing(self, lab):
        a, b = await lab.join(A, B)
        lossy = LineProfile(delay_s=0.01, jitter_s=0.05, p_loss=0.3, retransmit_s=0.4)
        lab.hub.set_line(a.node, b.node, lossy)
        begin = anyio.current_time()
        pieces = await lab.ask(a, b, 50)
        assert [piece for piece, _ in pieces] == numbers(50)
        times = [at for _, at in pieces]
        assert times == sorted(times)
        assert times[-1] - begin > 5.0

    def test_the_same_seed_gives_the_same_run(self):
        async def run(seed):
            hub = MemoryHub(seed, profile=LineProfile(jitter_s=0.2, p_loss=0.2))
            async with AsyncExitStack() as stack:
                lab = Lab(hub, stack)
                a, b = await lab.join(A, B)
                return await lab.ask(a, b, 20)

        assert run_virtual(run, 1) == run_virtual(run, 1)
        assert run_virtual(run, 1) != run_virtual(run, 2)


class TestCuts:
    async def test_a_short_cut_only_delays(self, lab):
        a, b = await lab.join(A, B)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.cut_and_heal, lab.hub, 0.5, 1.5, [a.node])
            pieces = await lab.ask(a, b, 30)
        assert [piece for piece, _ in pieces] == numbers(30)

    async def test_a_long_cut_loses_the_peer_after_the_lease(self, lab):
        a, b = await lab.join(A, B)
        begin = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.cut_and_heal, lab.hub, 1.0, 5.0, [a.node])
            with pytest.raises(PeerLostError):
                await lab.ask(a, b, 100)
            assert anyio.current_time() - begin == pytest.approx(3.0)

    async def test_both_sides_see_each_other_leave_and_return(self, lab):
        a, b, c = await lab.join(A, B, C)
        await a.announce("card", b"of a")
        await anyio.sleep(1)
        lab.hub.partition([a.node], [b.node, c.node])
        seen = await lab.seen(b, 2.5)
        assert [event for event, _ in seen] == [
            PeerJoined(a.node),
            PeerAnnounced(a.node, "card", b"of a"),
            PeerJoined(c.node),
            PeerLeft(a.node),
        ]
        assert seen[-1][1] == pytest.approx(2.0)
        lab.hub.heal()
        seen = await lab.seen(b, 2)
        assert [event for event, at in seen if at > 0] == [
            PeerJoined(a.node),
            PeerAnnounced(a.node, "card", b"of a"),
        ]
        assert await lab.ask(a, b, 1)

    async def test_within_a_side_everything_goes_on(self, lab):
        a, b, c = await lab.join(A, B, C)
        lab.hub.partition([a.node], [b.node, c.node])
        assert len(await lab.ask(b, c, 50)) == 50

    async def test_a_node_that_joins_during_a_cut_is_met_when_it_heals(self, lab):
        (a,) = await lab.join(A)
        lab.hub.partition([a.node])
        (b,) = await lab.join(B)
        assert await lab.seen(a, 5) == []
        lab.hub.heal()
        assert [event for event, _ in await lab.seen(a, 2)] == [PeerJoined(b.node)]

    async def cut_and_heal(self, hub, after_s, duration_s, side):
        await anyio.sleep(after_s)
        hub.partition(side)
        await anyio.sleep(duration_s)
        hub.heal()


class TestCrash:
    async def test_a_crash_is_noticed_at_once_and_loses_the_reply(self, lab):
        a, b = await lab.join(A, B)
        pieces = a.ask(b.node, b"1000", deadline=virtual_clock() + 60)
        assert await anext(pieces) == b"0"
        begin = anyio.current_time()
        lab.hub.crash(b.node)
        with pytest.raises(PeerLostError):
            await anext(pieces)
        assert anyio.current_time() - begin < 0.01

    async def test_the_crashed_node_stops_working_and_its_own_requests_fail(self, lab):
        a, b = await lab.join(A, B)
        pieces = b.ask(a.node, b"1000", deadline=virtual_clock() + 60)
        assert await anext(pieces) == b"0"
        lab.hub.crash(b.node)
        with pytest.raises(PeerLostError):
            await anext(pieces)
        with pytest.raises(PeerLostError):
            await lab.ask(b, a, 1)

    async def test_it_comes_back_as_a_new_incarnation(self, lab):
        a, b = await lab.join(A, B)
        async with a.watch() as events:
            assert await anext(events) == PeerJoined(b.node)
            lab.hub.crash(b.node)
            await lab.join(B)
            assert [await anext(events) for _ in range(2)] == [PeerLeft(b.node), PeerJoined(b.node)]
        assert await lab.ask(a, b, 1)

    async def test_a_crash_behind_a_cut_is_noticed_by_the_lease(self, lab):
        a, b = await lab.join(A, B)
        lab.hub.partition([a.node])
        lab.hub.crash(b.node)
        seen = await lab.seen(a, 5)
        assert [event for event, _ in seen] == [PeerJoined(b.node), PeerLeft(b.node)]
        lab.hub.heal()
        (again,) = await lab.join(B)
        assert [event for event, _ in await lab.seen(a, 3)] == [PeerJoined(again.node)]


class TestFreeze:
    async def test_a_frozen_node_is_noticed_by_the_lease_and_returns(self, lab):
        a, b = await lab.join(A, B)
        lab.hub.freeze(b.node)
        seen = await lab.seen(a, 4)
        assert seen[-1] == (PeerLeft(b.node), pytest.approx(2.0))
        lab.hub.thaw(b.node)
        assert [event for event, _ in await lab.seen(a, 2)] == [PeerJoined(b.node)]
        assert [event for event, _ in await lab.seen(b, 2)] == [PeerJoined(a.node)]
        assert len(await lab.ask(b, a, 3)) == 3

    async def test_a_short_freeze_only_delays(self, lab):
        a, b = await lab.join(A, B)

        async def freeze():
            await anyio.sleep(0.5)
            lab.hub.freeze(b.node)
            await anyio.sleep(1)
            lab.hub.thaw(b.node)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(freeze)
            pieces = await lab.ask(a, b, 30)
        assert [piece for piece, _ in pieces] == numbers(30)

    async def test_a_deadline_passes_while_the_peer_is_frozen(self, lab):
        a, b = await lab.join(A, B)
        lab.hub.freeze(b.node)
        begin = anyio.current_time()
        with pytest.raises(DeadlineError):
            async for _ in a.ask(b.node, b"5", deadline=virtual_clock() + 1.5):
                pass
        assert anyio.current_time() - begin == pytest.approx(1.5)


async def test_an_hour_among_twenty_nodes_takes_seconds(stack):
    lab = Lab(MemoryHub(seed=1, profile=LineProfile(delay_s=0.02, jitter_s=0.01)), stack)
    started = time.monotonic()
    networks = await lab.join(*(NodeKey.from_seed(bytes([n]) * 32) for n in range(10, 30)))
    for minute in range(60):
        asker, peer = networks[minute % 20], networks[(minute + 7) % 20]
        assert len(await lab.ask(asker, peer, 5)) == 5
        await anyio.sleep(60)
    assert time.monotonic() - started < 30
