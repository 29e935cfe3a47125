"""What a node makes of frames that are forged, damaged, late or repeated."""

import random
import time
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from modelnet.core.clock import system_clock
from modelnet.core.error import (
    EngineError,
    InvalidRequestError,
    MalformedError,
    ModelnetError,
    PeerLostError,
    ReplayError,
    SignatureError,
)
from modelnet.core.identity import new_request_id
from modelnet.transport.frame import (
    Announcement,
    Ask,
    Cancel,
    Credit,
    Data,
    End,
    Failure,
    State,
    Summary,
    decode_frame,
    encode,
)
from modelnet.transport.network import PeerAnnounced, PeerJoined
from modelnet.transport.station import Station
from modelnet.transport.stream import Digest
from modelnet.transport.wire import Limits
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey

pytestmark = pytest.mark.anyio

DEADLINE = time.time() + 3600
EMPTY = Summary(0, Digest().value())


class Tap:
    """A wire that ends here: tests read what is sent and say what is received."""

    def __init__(self):
        self.sent = []
        self.bell = anyio.Event()

    def send(self, peer, frame):
        self.sent.append((peer, decode_frame(frame)))
        self.bell.set()

    async def send_large(self, peer, frame):
        self.send(peer, frame)

    async def send_all(self, frame):
        self.send(None, frame)

    async def next(self, kind):
        """Return the next frame of a kind that is sent, and to whom."""
        with anyio.fail_after(5):
            while True:
                while self.sent:
                    peer, frame = self.sent.pop(0)
                    if isinstance(frame, kind):
                        return peer, frame
                self.bell = anyio.Event()
                await self.bell.wait()


class Other:
    """The far node, in the hands of the test."""

    def __init__(self, byte):
        self.guard = Envelope(NodeKey.from_seed(bytes([byte]) * 32), system_clock)
        self.node = self.guard.node

    def seal(self, kind, body, to, id, deadline=DEADLINE):
        return self.guard.seal(kind, body, to=to, id=id, deadline=deadline)

    def ask(self, to, body=b"hello", credit=10**9):
        fresh = new_request_id()
        return Ask(fresh, self.node, credit, self.seal("ask", body, to, fresh))

    def end(self, ask, summary=EMPTY):
        return End(ask.id, self.seal("end", encode(summary), ask.sender, ask.id))

    def cancel(self, ask, to):
        return Cancel(ask.id, self.seal("cancel", b"", to, ask.id))


@pytest.fixture
def peer():
    return Other(2)


@pytest.fixture
def stranger():
    return Other(3)


@pytest.fixture
def tap():
    return Tap()


@pytest.fixture
async def station(tap, peer):
    station = Station(Other(1).guard, system_clock, tap, Limits())
    async with station.working():
        station.arrive(peer.node, "1")
        yield station


async def echo(incoming):
    yield incoming.body


class Stuck:
    """A handler that never answers, and says when it starts and stops."""

    def __init__(self):
        self.started, self.stopped = anyio.Event(), anyio.Event()

    async def __call__(self, _):
        self.started.set()
        try:
            await anyio.sleep_forever()
            yield b""
        finally:
            self.stopped.set()


class Asking:
    """A request that the peer has got; `outcome` is what came of it."""

    def __init__(self):
        self.outcome = None
        self._over = anyio.Event()

    async def start(self, station, tap, peer):
        station.start_soon(lambda: self._run(station, peer))
        return (await tap.next(Ask))[1]

    async def wait(self):
        with anyio.fail_after(5):
            await self._over.wait()
        return self.outcome

    async def _run(self, station, peer):
        try:
            async with aclosing(station.ask(peer.node, b"?", deadline=DEADLINE)) as pieces:
                self.outcome = [piece async for piece in pieces]
        except ModelnetError as error:
            self.outcome = error
        self._over.set()


class TestForgedReplies:
    """What must not be believed ends the reply with its own error and stops the far end."""

    async def answered(self, station, tap, peer, *frames_of):
        asking = Asking()
        ask = await asking.start(station, tap, peer)
        for frame_of in frames_of:
            station.receive(encode(frame_of(ask)))
        return await asking.wait()

    async def test_an_honest_reply(self, station, tap, peer):
        digest = Digest()
        digest.add(b"yes")
        outcome = await self.answered(
            station,
            tap,
            peer,
            lambda ask: Data(ask.id, 0, (b"yes",)),
            lambda ask: peer.end(ask, Summary(1, digest.value())),
        )
        assert outcome == [b"yes"]
        assert not [frame for _, frame in tap.sent if isinstance(frame, Cancel)]

    async def test_an_end_by_another_node(self, station, tap, peer, stranger):
        outcome = await self.answered(station, tap, peer, stranger.end)
        assert isinstance(outcome, SignatureError)
        await tap.next(Cancel)

    async def test_an_error_by_another_node(self, station, tap, peer, stranger):
        outcome = await self.answered(
            station,
            tap,
            peer,
            lambda ask: Failure(ask.id, stranger.seal("error", b"", ask.sender, ask.id)),
        )
        assert isinstance(outcome, SignatureError)

    async def test_an_end_with_a_broken_seal(self, station, tap, peer):
        outcome = await self.answered(
            station,
            tap,
            peer,
            lambda ask: End(ask.id, flipped(peer.end(ask).sealed)),
        )
        assert isinstance(outcome, SignatureError)

    async def test_an_end_for_another_request(self, station, tap, peer):
        outcome = await self.answered(
            station,
            tap,
            peer,
            lambda ask: End(ask.id, peer.seal("end", encode(EMPTY), ask.sender, new_request_id())),
        )
        assert isinstance(outcome, SignatureError)

    async def test_an_error_that_does_not_decode(self, station, tap, peer):
        outcome = await self.answered(
            station,
            tap,
            peer,
            lambda ask: Failure(ask.id, peer.seal("error", b"\xc1", ask.sender, ask.id)),
        )
        assert isinstance(outcome, MalformedError)

    async def test_a_gap(self, station, tap, peer):
        outcome = await self.answered(station, tap, peer, lambda ask: Data(ask.id, 1, (b"x",)))
        assert isinstance(outcome, PeerLostError)
        await tap.next(Cancel)

    async def test_frames_nobody_waits_for_are_dropped(self, station):
        unknown = new_request_id()
        station.receive(encode(Data(unknown, 0, (b"x",))))
        station.receive(encode(Credit(unknown, 5)))
        station.receive(encode(End(unknown, b"")))
        assert not station.dropped


class TestForgedRequests:
    async def test_an_honest_request(self, station, tap, peer):
        station.serve(echo)
        ask = peer.ask(station.node)
        station.receive(encode(ask))
        assert await tap.next(Data) == (peer.node, Data(ask.id, 0, (b"hello",)))
        to, end = await tap.next(End)
        assert (to, peer.guard.open("end", end.sealed).id) == (peer.node, ask.id)

    async def test_an_unknown_asker_who_proves_itself_is_answered(self, station, tap, stranger):
        station.serve(echo)
        station.receive(encode(stranger.ask(station.node)))
        assert (await tap.next(Data))[0] == stranger.node

    async def refusal(self, station, tap, reader, ask):
        station.receive(encode(ask))
        to, failure = await tap.next(Failure)
        return to, reader.guard.open("error", failure.sealed).body

    async def test_a_replay_is_refused_and_says_so(self, station, tap, peer):
        station.serve(echo)
        ask = peer.ask(station.node)
        station.receive(encode(ask))
        await tap.next(End)
        to, body = await self.refusal(station, tap, peer, ask)
        assert to == peer.node
        assert b"replayed" in body
        assert station.dropped == {ReplayError.code: 1}

    async def test_a_second_request_of_the_same_id_is_refused(self, station, tap, peer):
        stuck = Stuck()
        station.serve(stuck)
        ask = peer.ask(station.node)
        station.receive(encode(ask))
        await stuck.started.wait()
        _, body = await self.refusal(station, tap, peer, ask)
        assert b"replayed" in body
        assert not stuck.stopped.is_set()

    async def test_a_request_in_anothers_name_is_not_run(self, station, tap, peer, stranger):
        honest = stranger.ask(station.node)
        forged = Ask(honest.id, peer.node, honest.credit, honest.sealed)
        _, body = await self.refusal(station, tap, peer, forged)
        assert b"bad_signature" in body

    async def test_garbage_in_the_name_of_a_node_that_is_not_here_is_not_answered(
        self, station, tap, stranger
    ):
        station.receive(encode(Ask(new_request_id(), stranger.node, 1, b"garbage")))
        station.receive(encode(Ask(new_request_id(), "to/**", 1, b"garbage")))
        assert station.dropped == {MalformedError.code: 2}
        assert tap.sent == []

    async def test_a_request_for_another_node_is_refused(self, station, tap, peer, stranger):
        _, body = await self.refusal(station, tap, peer, peer.ask(stranger.node))
        assert b"wrong_recipient" in body


class TestCancel:
    async def test_only_the_asker_can_cancel(self, station, peer, stranger):
        stuck = Stuck()
        station.serve(stuck)
        ask = peer.ask(station.node)
        station.receive(encode(ask))
        await stuck.started.wait()
        station.receive(encode(stranger.cancel(ask, station.node)))
        await anyio.lowlevel.checkpoint()
        assert not stuck.stopped.is_set()
        station.receive(encode(peer.cancel(ask, station.node)))
        with anyio.fail_after(5):
            await stuck.stopped.wait()

    async def test_a_cancel_that_overtakes_its_request_still_counts(self, station, tap, peer):
        station.serve(echo)
        ask, next_ask = peer.ask(station.node), peer.ask(station.node, b"next")
        station.receive(encode(peer.cancel(ask, station.node)))
        station.receive(encode(ask))
        station.receive(encode(next_ask))
        assert (await tap.next(Data))[1].pieces == (b"next",)

    async def test_cancels_without_requests_do_not_pile_up(self, station, tap, peer, monkeypatch):
        monkeypatch.setattr("modelnet.transport.serving.MAX_CANCELLED_EARLY", 2)
        station.serve(echo)
        asks = [peer.ask(station.node, str(number).encode()) for number in range(3)]
        for ask in asks:
            station.receive(encode(peer.cancel(ask, station.node)))
        for ask in asks:
            station.receive(encode(ask))
        assert (await tap.next(Data))[1].pieces == (b"0",)

    async def test_a_peer_that_departs_stops_its_work_only(self, station, peer, stranger):
        mine, theirs = Stuck(), Stuck()
        station.serve(lambda incoming: (mine if incoming.sender == peer.node else theirs)(incoming))
        station.arrive(stranger.node, "1")
        station.receive(encode(peer.ask(station.node)))
        station.receive(encode(stranger.ask(station.node)))
        await mine.started.wait()
        await theirs.started.wait()
        station.depart(peer.node, "1")
        with anyio.fail_after(5):
            await mine.stopped.wait()
        assert not theirs.stopped.is_set()


class TestProducing:
    async def test_pieces_ready_together_share_a_frame(self, station, tap, peer):
        async def handler(_):
            for number in range(10):
                yield bytes([number])
            await anyio.lowlevel.checkpoint()
            yield b"later"

        station.serve(handler)
        station.receive(encode(peer.ask(station.node)))
        assert len((await tap.next(Data))[1].pieces) == 10
        assert (await tap.next(Data))[1].pieces == (b"later",)

    async def test_the_producer_waits_for_credit(self, station, tap, peer):
        async def handler(_):
            for number in range(4):
                yield bytes([number])

        station.serve(handler)
        ask = peer.ask(station.node, credit=1)
        station.receive(encode(ask))
        assert (await tap.next(Data))[1].pieces == (b"\x00",)
        station.receive(encode(Credit(ask.id, 10**9)))
        assert (await tap.next(Data))[1].pieces == (b"\x01", b"\x02", b"\x03")
        await tap.next(End)

    async def test_a_piece_that_is_too_large_is_an_error(self, station, tap, peer, monkeypatch):
        monkeypatch.setattr("modelnet.transport.serving.MAX_PIECE_BYTES", 3)
        station.serve(echo)
        station.receive(encode(peer.ask(station.node)))
        _, failure = await tap.next(Failure)
        assert EngineError.code.encode() in peer.guard.open("error", failure.sealed).body

    async def test_work_ends_with_the_station(self, tap, peer):
        stuck = Stuck()
        station = Station(Other(1).guard, system_clock, tap, Limits())
        station.serve(stuck)
        async with station.working():
            station.receive(encode(peer.ask(station.node)))
            await stuck.started.wait()
        assert stuck.stopped.is_set()
        station.receive(encode(peer.ask(station.node)))


class TestStates:
    def state(self, other, topic=b"card", body=None):
        announcement = body or encode(Announcement(topic, b"new"))
        return encode(State((other.seal("state", announcement, None, new_request_id()),)))

    async def test_only_verified_known_topics_are_told(self, station, peer):
        station.receive(self.state(peer, "card"))
        station.receive(self.state(peer, "topic of a later version"))
        station.receive(self.state(peer, body=b"\xc1"))
        station.receive(encode(State((b"garbage",))))
        async with station.watch() as events:
            assert await anext(events) == PeerJoined(peer.node)
            assert await anext(events) == PeerAnnounced(peer.node, "card", b"new")
        assert station.dropped == {MalformedError.code: 2}

    async def test_a_newcomer_is_introduced_to_what_was_announced(self, station, tap, stranger):
        await station.announce("card", b"small")
        await station.announce("load", bytes(100_000))
        station.arrive(stranger.node, "1")
        to, state = await tap.next(State)
        while to is None:
            to, state = await tap.next(State)
        assert (to, len(state.sealed)) == (stranger.node, 2)

    async def test_a_state_that_is_too_large_is_refused(self, station):
        with pytest.raises(InvalidRequestError):
            await station.announce("card", bytes(1024 * 1024 + 1))


async def test_garbage_never_stops_a_node(station, tap, peer):
    """Random bytes, and real frames with random damage."""
    station.serve(echo)
    dice = random.Random(1)
    ask = peer.ask(station.node)
    real = [encode(ask), encode(peer.cancel(ask, station.node)), encode(peer.end(ask))]
    real += [encode(Data(ask.id, 0, (b"x",))), encode(Credit(ask.id, 7))]
    for _ in range(3000):
        frame = bytearray(dice.choice(real) if dice.random() < 0.7 else dice.randbytes(60))
        for _ in range(dice.randint(1, 3)):
            frame[dice.randrange(len(frame))] = dice.randrange(256)
        station.receive(bytes(frame))
    assert station.dropped.total() > 1000
    tap.sent.clear()
    station.receive(encode(peer.ask(station.node, b"still here")))
    while (await tap.next(Data))[1].pieces != (b"still here",):
        pass


def flipped(sealed: bytes) -> bytes:
    """Change a bit of the signature."""
    return sealed[:-1] + bytes([sealed[-1] ^ 1])
