"""The asking half of a node: sends requests and turns the frames that come back into pieces."""

from collections.abc import AsyncGenerator, Callable

import anyio
import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import (
    DeadlineError,
    ErrorReport,
    InvalidRequestError,
    MalformedError,
    ModelnetError,
    PeerLostError,
    error_from,
)
from modelnet.core.identity import NodeId, RequestId, new_request_id, short_node_id
from modelnet.transport.frame import (
    MAX_PIECE_BYTES,
    Ask,
    Cancel,
    Data,
    End,
    Failure,
    encode,
)
from modelnet.transport.guard import Guard
from modelnet.transport.stream import WINDOW, Inflow
from modelnet.transport.wire import Lane, Traffic, Wire

LEFT = "This node left the network: join again before asking."

_report = msgspec.msgpack.Decoder(ErrorReport)


class Reply:
    """One reply on its way: what came of it, why it failed, and a bell for who waits for it."""

    def __init__(self, id: RequestId, peer: NodeId, deadline: float) -> None:
        self.id = id
        self.peer = peer
        self.deadline = deadline
        self.inflow = Inflow(id, peer)
        self.error: ModelnetError | None = None
        self.is_over = False
        self._bell: anyio.Event | None = None

    def fail(self, error: ModelnetError) -> None:
        """End the reply with an error, once its pieces that came before are read."""
        if not self.is_over:
            self.error = error
            self.is_over = True
        self.ring()

    def ring(self) -> None:
        """Wake whoever waits for the next piece."""
        if self._bell is not None:
            self._bell.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when something came, or when the time is up."""
        self._bell = anyio.Event()
        with anyio.move_on_after(timeout_s):
            await self._bell.wait()
        self._bell = None


class Asker:
    """Every request of this node that is still being answered."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        wire: Wire,
        traffic: Traffic,
        is_here: Callable[[NodeId], bool],
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._wire = wire
        self._traffic = traffic
        self._is_here = is_here
        self._replies: dict[RequestId, Reply] = {}
        self._is_closed = False

    async def ask(
        self, peer: NodeId, body: bytes, *, deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """Ask a peer: `Network.ask`."""
        reply = self._open(peer, body, deadline)
        self._traffic.add(peer, len(body))
        try:
            await Lane(self._wire, self._traffic, peer).send(self._request(reply, body))
            while (piece := await self._next(reply)) is not None:
                yield piece
        finally:
            self._traffic.add(peer, -len(body))
            self._close(reply)

    def receive(self, frame: Data | End | Failure) -> None:
        """Take in a frame of a reply; one that nobody waits for is dropped."""
        reply = self._replies.get(frame.id)
        if reply is None or reply.is_over:
            return
        try:
            self._take(reply, frame)
        except ModelnetError as error:
            self._cancel(reply)
            reply.fail(error)

    def lose(self, peer: NodeId) -> None:
        """Fail the replies of a peer that is gone."""
        for reply in self._replies.values():
            if reply.peer == peer:
                reply.fail(PeerLostError(f"Node {short_node_id(peer)} went away mid-answer."))

    def close(self) -> None:
        """Fail every reply, and every request to come: this node leaves."""
        self._is_closed = True
        for reply in self._replies.values():
            self._cancel(reply)
            reply.fail(PeerLostError(LEFT))

    def _open(self, peer: NodeId, body: bytes, deadline: float) -> Reply:
        if len(body) > MAX_PIECE_BYTES:
            raise InvalidRequestError(
                f"The request has {len(body)} bytes; {MAX_PIECE_BYTES} is the most a node takes."
            )
        if self._is_closed:
            raise PeerLostError(LEFT)
        if not self._is_here(peer):
            raise PeerLostError(f"Node {short_node_id(peer)} is not in the network now.")
        reply = Reply(new_request_id(), peer, deadline)
        self._check_deadline(reply)
        self._replies[reply.id] = reply
        return reply

    def _request(self, reply: Reply, body: bytes) -> bytes:
        sealed = self._guard.seal("ask", body, to=reply.peer, id=reply.id, deadline=reply.deadline)
        return encode(Ask(reply.id, self._guard.node, WINDOW, sealed))

    async def _next(self, reply: Reply) -> bytes | None:
        while True:
            self._check_deadline(reply)
            piece = reply.inflow.pop()
            if piece is not None:
                self._grant(reply)
                return piece
            if reply.error is not None:
                raise reply.error
            if reply.is_over:
                return None
            await reply.wait(reply.deadline - self._clock())

    def _check_deadline(self, reply: Reply) -> None:
        if not reply.is_over and self._clock() >= reply.deadline:
            raise DeadlineError(f"Node {short_node_id(reply.peer)} did not answer in time.")

    def _grant(self, reply: Reply) -> None:
        credit = reply.inflow.credit()
        if credit is not None and not reply.is_over:
            self._wire.send(reply.peer, encode(credit))

    def _take(self, reply: Reply, frame: Data | End | Failure) -> None:
        match frame:
            case Data():
                reply.inflow.data(frame)
            case End(_, sealed):
                reply.inflow.end(self._guard.open("end", sealed))
                reply.is_over = True
            case Failure(_, sealed):
                opened = self._guard.open("error", sealed)
                reply.inflow.check_origin(opened)
                reply.fail(error_from(_decode_report(opened.body)))
        reply.ring()

    def _close(self, reply: Reply) -> None:
        if self._replies.pop(reply.id, None) is not None:
            self._cancel(reply)

    def _cancel(self, reply: Reply) -> None:
        if reply.is_over or not self._is_here(reply.peer):
            return
        sealed = self._guard.seal(
            "cancel", b"", to=reply.peer, id=reply.id, deadline=reply.deadline
        )
        self._wire.send(reply.peer, encode(Cancel(reply.id, sealed)))


def _decode_report(body: bytes) -> ErrorReport:
    try:
        return _report.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The reported error does not decode: {error}.") from error
