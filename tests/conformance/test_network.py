"""What every Network keeps: one suite, run in memory and over real sockets."""

import gc
import time
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from modelnet.core.error import (
    ContextTooLongError,
    DeadlineError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    PeerLostError,
    StaleError,
)
from modelnet.transport.network import PeerAnnounced, PeerJoined, PeerLeft
from modelnet.transport.wire import Limits
from modelnet.trust.key import NodeKey

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0
MAX_AHEAD = 257
"""How many small pieces may be produced but not read: a window, and one being read."""


async def echo(incoming):
    yield incoming.body


async def count(incoming):
    for number in range(int(incoming.body)):
        yield str(number).encode()


def gated(gate):
    """A handler that says one thing, waits at the gate, then says another."""

    async def handler(incoming):
        yield b"before"
        await gate.wait()
        yield b"after"

    return handler


class Endless:
    """A handler that yields for ever and says when it was stopped."""

    def __init__(self, pause_s=0.001):
        self.produced = 0
        self.stopped = anyio.Event()
        self._pause_s = pause_s

    async def __call__(self, _):
        try:
            while True:
                self.produced += 1
                yield b"piece"
                await anyio.sleep(self._pause_s)
        finally:
            self.stopped.set()


async def read(network, peer, body, deadline):
    async with aclosing(network.ask(peer.node, body, deadline=deadline)) as pieces:
        return [piece async for piece in pieces]


class TestPresence:
    async def test_nodes_see_each_other_join(self, place):
        one, two, three = await place.join(), await place.join(), await place.join()
        await place.meet(one, two, three)

    async def test_a_late_watcher_is_told_of_those_already_here(self, place):
        one, two = await place.join(), await place.join()
        await place.meet(one, two)
        async with one.watch() as events:
            assert await anext(events) == PeerJoined(two.node)

    async def test_a_node_does_not_meet_itself(self, place):
        one, two = await place.join(), await place.join()
        await one.announce("card", b"mine")
        await place.until(two, PeerAnnounced(one.node, "card", b"mine"))
        async with one.watch() as events:
            assert await anext(events) == PeerJoined(two.node)
            with anyio.move_on_after(0):
                pytest.fail(f"unexpected {await anext(events)}")

    async def test_leaving_is_seen(self, place):
        one = await place.join()
        two = place.make_another()
        async with one.watch() as events:
            async with two:
                assert await anext(events) == PeerJoined(two.node)
            with anyio.fail_after(PATIENCE_S):
                assert await anext(events) == PeerLeft(two.node)

    async def test_a_node_that_comes_back_with_its_key_joins_again(self, place):
        one, key = await place.join(), NodeKey.generate()
        async with one.watch() as events:
            seen = []
            for _ in range(2):
                async with place.make_another(key=key) as again:
                    seen.append(await anext(events))
                seen.append(await anext(events))
        assert seen == [PeerJoined(again.node), PeerLeft(again.node)] * 2

    async def test_watching_ends_when_the_node_leaves(self, place):
        network = place.make_another()
        async with network, network.watch() as events:
            await network.__aexit__(None, None, None)
            with pytest.raises(StopAsyncIteration):
                await anext(events)

    async def test_a_failure_inside_passes_through_unchanged(self, place):
        with pytest.raises(KeyError):
            async with place.make_another():
                raise KeyError

    async def test_listen_names_an_endpoint(self, place):
        assert (await place.join()).listen


class TestAnnouncements:
    async def test_everyone_is_told(self, place):
        one, two, three = await place.join(), await place.join(), await place.join()
        await place.meet(one, two, three)
        await one.announce("card", b"v1")
        for other in (two, three):
            await place.until(other, PeerAnnounced(one.node, "card", b"v1"))

    async def test_late_comers_are_told_the_newest_of_each_topic(self, place):
        one = await place.join()
        for state in (b"v1", b"v2"):
            await one.announce("card", state)
            await one.announce("load", state)
        late = await place.join()
        await place.until(late, PeerAnnounced(one.node, "load", b"v2"))
        await place.until(late, PeerAnnounced(one.node, "card", b"v2"))
        async with late.watch() as events:
            told = [await anext(events) for _ in range(3)]
        assert set(told) == {
            PeerJoined(one.node),
            PeerAnnounced(one.node, "card", b"v2"),
            PeerAnnounced(one.node, "load", b"v2"),
        }

    async def test_what_was_announced_before_joining_is_told(self, place):
        one = await place.join()
        two = place.make_another()
        await two.announce("standing", b"early")
        async with two:
            await place.until(one, PeerAnnounced(two.node, "standing", b"early"))

    async def test_a_newer_state_replaces_the_older(self, place):
        one, two = await place.join(), await place.join()
        await place.meet(one, two)
        for number in range(20):
            await one.announce("load", str(number).encode())
        await place.until(two, PeerAnnounced(one.node, "load", b"19"))

    async def test_a_large_state_arrives(self, place):
        one, two = await place.join(), await place.join()
        await one.announce("card", b"x" * 500_000)
        await place.until(two, PeerAnnounced(one.node, "card", b"x" * 500_000))

    async def test_a_state_that_is_too_large_is_refused(self, place):
        with pytest.raises(InvalidRequestError, match="is the most to announce"):
            await (await place.join()).announce("card", b"x" * (1024 * 1024 + 1))


class TestReplies:
    async def test_pieces_come_in_order_and_once(self, place, deadline):
        one, two = await place.join(), await place.join(count)
        await place.meet(one, two)
        assert await read(one, two, b"3000", deadline) == [str(n).encode() for n in range(3000)]

    async def test_an_empty_reply_ends(self, place, deadline):
        one, two = await place.join(), await place.join(count)
        await place.meet(one, two)
        assert await read(one, two, b"0", deadline) == []

    async def test_pieces_come_as_they_are_made(self, place, deadline):
        gate = anyio.Event()
        one, two = await place.join(), await place.join(gated(gate))
        await place.meet(one, two)
        async with aclosing(one.ask(two.node, b"", deadline=deadline)) as pieces:
            assert await anext(pieces) == b"before"
            gate.set()
            assert await anext(pieces) == b"after"
            with pytest.raises(StopAsyncIteration):
                await anext(pieces)

    async def test_big_pieces_arrive_whole(self, place, deadline):
        one, two = await place.join(), await place.join(echo)
        await place.meet(one, two)
        body = bytes(range(256)) * (8 * 4096)
        assert await read(one, two, body, deadline) == [body]

    async def test_many_big_pieces_flow_through_the_window(self, place, deadline):
        async def handler(incoming):
            for number in range(16):
                yield bytes([number]) * 1_000_000
                yield b"between"

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        pieces = await read(one, two, b"", deadline)
        assert [len(piece) for piece in pieces] == [1_000_000, 7] * 16
        assert [piece[0] for piece in pieces[::2]] == list(range(16))

    async def test_many_at_once_do_not_mix(self, place, deadline):
        one, two = await place.join(echo), await place.join(echo)
        await place.meet(one, two)
        replies = {}

        async def ask(network, peer, number):
            replies[number] = await read(network, peer, str(number).encode(), deadline)

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(ask, *((one, two) if number % 2 else (two, one)), number)
        assert replies == {number: [str(number).encode()] for number in range(100)}

    async def test_the_handler_learns_who_asks_until_when(self, place, deadline):
        seen = []

        async def handler(incoming):
            seen.append(incoming)
            yield b""

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        await read(one, two, b"body", deadline)
        assert (seen[0].sender, seen[0].body) == (one.node, b"body")
        assert seen[0].deadline == deadline


class TestErrors:
    async def test_what_the_handler_raises_is_raised_here(self, place, deadline):
        async def handler(incoming):
            yield b"first"
            raise ContextTooLongError("Too long by 7 tokens.", retry_after_s=1.5)

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        pieces = one.ask(two.node, b"", deadline=deadline)
        assert await anext(pieces) == b"first"
        with pytest.raises(ContextTooLongError, match=r"Too long by 7 tokens\.") as raised:
            await anext(pieces)
        assert raised.value.retry_after_s == 1.5

    async def test_a_bug_in_the_handler_is_an_engine_error_and_the_node_goes_on(
        self, place, deadline
    ):
        async def handler(incoming):
            yield str(1 // int(incoming.body)).encode()

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        with pytest.raises(EngineError):
            await read(one, two, b"0", deadline)
        assert await read(one, two, b"1", deadline) == [b"1"]

    async def test_a_node_without_handler_says_so(self, place, deadline):
        one, two = await place.join(), await place.join()
        await place.meet(one, two)
        with pytest.raises(EngineError, match="does not answer"):
            await read(one, two, b"", deadline)

    async def test_an_unknown_peer_is_lost_at_once(self, place, deadline):
        one = await place.join()
        stranger = place.make_another()
        with pytest.raises(PeerLostError, match="not in the network"):
            await read(one, stranger, b"", deadline)

    async def test_a_body_that_is_too_large_is_refused_here(self, place, deadline):
        one, two = await place.join(), await place.join(echo)
        await place.meet(one, two)
        with pytest.raises(InvalidRequestError, match="is the most"):
            await read(one, two, bytes(64 * 1024 * 1024 + 1), deadline)

    async def test_a_clock_ten_minutes_off_is_named(self, place, deadline):
        one = await place.join(clock=lambda: time.time() + 600)
        two = await place.join(echo)
        await place.meet(one, two)
        with pytest.raises(StaleError, match="600 s ahead"):
            await read(one, two, b"", deadline + 600)

    async def test_a_flood_is_refused_with_a_retry_time(self, place, deadline):
        gate = anyio.Event()
        one = await place.join()
        two = await place.join(gated(gate), limits=Limits(streams_per_peer=3))
        three = await place.join()
        await place.meet(one, two, three)
        async with anyio.create_task_group() as tasks:
            asks = [one.ask(two.node, b"", deadline=deadline) for _ in range(3)]
            for pieces in asks:
                assert await anext(pieces) == b"before"
            with pytest.raises(OverloadedError) as refused:
                await read(one, two, b"", deadline)
            assert refused.value.retry_after_s > 0
            tasks.start_soon(read, three, two, b"", deadline)
            gate.set()
            for pieces in asks:
                assert [piece async for piece in pieces] == [b"after"]
        assert await read(one, two, b"", deadline) == [b"before", b"after"]


class TestDeadlines:
    async def test_the_asker_gives_up_and_the_far_end_stops(self, place):
        endless = Endless()
        one, two = await place.join(), await place.join(endless)
        await place.meet(one, two)
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            await read(one, two, b"", time.time() + 0.2)
        assert 0.15 < time.monotonic() - started < PATIENCE_S
        with anyio.fail_after(PATIENCE_S):
            await endless.stopped.wait()

    async def test_the_far_end_stops_by_itself(self, place):
        endless = Endless()
        one, two = await place.join(), await place.join(endless)
        await place.meet(one, two)
        pieces = one.ask(two.node, b"", deadline=time.time() + 0.2)
        assert await anext(pieces) == b"piece"
        with anyio.fail_after(PATIENCE_S):
            await endless.stopped.wait()
        with pytest.raises(DeadlineError):
            await read_on(pieces)

    async def test_a_deadline_that_has_passed_is_an_error_at_once(self, place):
        one, two = await place.join(), await place.join(echo)
        await place.meet(one, two)
        with pytest.raises(DeadlineError):
            await read(one, two, b"", time.time() - 1)


async def read_on(pieces):
    return [piece async for piece in pieces]


class TestStopping:
    async def test_closing_the_reply_stops_the_far_end(self, place, deadline):
        endless = Endless()
        one, two = await place.join(), await place.join(endless)
        await place.meet(one, two)
        async with aclosing(one.ask(two.node, b"", deadline=deadline)) as pieces:
            assert await anext(pieces) == b"piece"
        with anyio.fail_after(PATIENCE_S):
            await endless.stopped.wait()

    async def test_cancelling_the_asker_stops_the_far_end(self, place, deadline):
        endless = Endless()
        one, two = await place.join(), await place.join(endless)
        await place.meet(one, two)
        with anyio.move_on_after(0.1) as scope:
            await read(one, two, b"", deadline)
        assert scope.cancelled_caught
        with anyio.fail_after(PATIENCE_S):
            await endless.stopped.wait()

    async def test_an_asker_that_leaves_stops_the_far_end(self, place, deadline):
        endless = Endless()
        two = await place.join(endless)
        one = place.make_another()
        async with one:
            await place.meet(one, two)
            pieces = one.ask(two.node, b"", deadline=deadline)
            assert await anext(pieces) == b"piece"
        with anyio.fail_after(PATIENCE_S):
            await endless.stopped.wait()
        with pytest.raises(PeerLostError):
            await read_on(pieces)

    async def test_a_peer_that_leaves_is_lost_mid_reply(self, place, deadline):
        endless = Endless()
        one = await place.join()
        two = place.make_another()
        two.serve(endless)
        async with two:
            await place.meet(one, two)
            pieces = one.ask(two.node, b"", deadline=deadline)
            assert await anext(pieces) == b"piece"
        assert endless.stopped.is_set()
        with anyio.fail_after(PATIENCE_S), pytest.raises(PeerLostError):
            await read_on(pieces)


class TestBackPressure:
    async def test_a_slow_reader_holds_the_far_end_back(self, place, deadline):
        eager = Endless(pause_s=0)
        one, two = await place.join(), await place.join(eager)
        await place.meet(one, two)
        async with aclosing(one.ask(two.node, b"", deadline=deadline)) as pieces:
            for consumed in range(2000):
                assert await anext(pieces) == b"piece"
                if consumed % 10 == 0:
                    await anyio.lowlevel.checkpoint()
                assert eager.produced - consumed <= MAX_AHEAD

    async def test_a_stalled_reader_does_not_hold_back_others(self, place, deadline):
        eager = Endless(pause_s=0)

        async def handler(incoming):
            async with aclosing(eager(incoming) if incoming.body else echo(incoming)) as pieces:
                async for piece in pieces:
                    yield piece

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        async with aclosing(one.ask(two.node, b"endless", deadline=deadline)) as stalled:
            assert await anext(stalled) == b"piece"
            for _ in range(50):
                assert await read(one, two, b"", deadline) == [b""]
            assert eager.produced <= MAX_AHEAD

    async def test_a_stalled_reader_of_big_pieces_holds_little(self, place, deadline):
        produced = 0

        async def handler(incoming):
            nonlocal produced
            while incoming.body:
                produced += 1
                yield bytes(1_000_000)
            yield b""

        one, two = await place.join(), await place.join(handler)
        await place.meet(one, two)
        async with aclosing(one.ask(two.node, b"endless", deadline=deadline)) as stalled:
            await anext(stalled)
            for _ in range(20):
                await read(one, two, b"", deadline)
            assert produced <= 7


async def test_nothing_is_left_behind(place, deadline):
    """Every reply that is over, however it ended, is forgotten at both ends."""
    one, two = await place.join(), await place.join(echo)
    await place.meet(one, two)
    before = replies_alive()
    for _ in range(5):
        await read(one, two, b"", deadline)
    assert replies_alive() <= before


def replies_alive() -> int:
    gc.collect()
    return sum(type(held).__name__ in {"Reply", "Answer"} for held in gc.get_objects())
