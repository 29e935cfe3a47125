"""The answering half of a node: checks requests, runs the handler, streams what it yields."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
import anyio.abc
import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    MessageError,
    ModelnetError,
    OverloadedError,
    ReplayError,
    SignatureError,
    report,
)
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.sealed import Opened
from modelnet.transport.frame import MAX_PIECE_BYTES, Ask, Cancel, Credit, End, Failure, encode
from modelnet.transport.guard import Guard
from modelnet.transport.network import Handler, Incoming
from modelnet.transport.stream import Outflow
from modelnet.transport.wire import SMALL_BYTES, Lane, Limits, Traffic, Wire

MAX_CANCELLED_EARLY = 1024
"""How many cancellations wait for a request that may still come."""

_log = logging.getLogger(__name__)
_report = msgspec.msgpack.Encoder()


class Answer:
    """One reply being produced: pieces go in, frames go out when the producer pauses."""

    def __init__(self, ask: Ask, wire: Wire, traffic: Traffic) -> None:
        self.asker = ask.sender
        self.scope = anyio.CancelScope()
        self.outflow = Outflow(ask.id, ask.credit)
        self._lane = Lane(wire, traffic, ask.sender)
        self._traffic = traffic
        self._counted_bytes = 0
        self._credited = anyio.Event()
        self._flush_is_due = False

    def grant(self, limit: int) -> None:
        """Note a CREDIT and wake the producer if it waited for one."""
        self.outflow.grant(limit)
        self._count(self.outflow.unread_bytes)
        self._credited.set()

    async def add(self, piece: bytes) -> None:
        """Send a piece, together with those that were ready at the same time."""
        if len(piece) > MAX_PIECE_BYTES:
            raise EngineError(f"A piece of the reply has {len(piece)} bytes: that is too large.")
        await self._wait_for_credit()
        self.outflow.push(piece)
        self._count(self.outflow.unread_bytes)
        if self._lane.is_large or self.outflow.pending_bytes >= SMALL_BYTES:
            await self.flush()
        elif not self._flush_is_due:
            self._flush_is_due = True
            # Runs as soon as the producer pauses: whatever it yields until then shares a frame.
            asyncio.get_running_loop().call_soon(self._flush_small)

    def close(self) -> None:
        """Count nothing more: it is over."""
        self._count(0)

    async def flush(self) -> None:
        """Send what is pending."""
        frame = self.outflow.take()
        if frame is not None:
            await self._lane.send(encode(frame))

    async def finish(self, frame: End | Failure) -> None:
        """Send what is pending, then the last frame."""
        await self.flush()
        await self._lane.send(encode(frame))

    def _flush_small(self) -> None:
        self._flush_is_due = False
        frame = self.outflow.take()
        if frame is not None:
            self._lane.send_now(encode(frame))

    def _count(self, unread_bytes: int) -> None:
        self._traffic.add(self.asker, unread_bytes - self._counted_bytes)
        self._counted_bytes = unread_bytes

    async def _wait_for_credit(self) -> None:
        while not self.outflow.has_credit:
            self._credited = anyio.Event()
            await self._credited.wait()


class Server:
    """Every request of other nodes that this node is answering."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        wire: Wire,
        traffic: Traffic,
        is_here: Callable[[NodeId], bool],
        limits: Limits,
    ) -> None:
        self.handler: Handler | None = None
        self._guard = guard
        self._clock = clock
        self._wire = wire
        self._traffic = traffic
        self._is_here = is_here
        self._limits = limits
        self._answers: dict[RequestId, Answer] = {}
        self._load: Counter[NodeId] = Counter()
        self._cancelled_early: dict[tuple[NodeId, RequestId], None] = {}

    def receive(self, frame: Ask | Cancel | Credit, tasks: anyio.abc.TaskGroup) -> None:
        """Take in a frame of an asker; a new request is answered by a task of its own.

        Raises:
            MessageError: the frame must not be believed.
        """
        match frame:
            case Ask():
                self._start(frame, tasks)
            case Cancel():
                self._cancel(frame)
            case Credit(id, limit):
                if id in self._answers:
                    self._answers[id].grant(limit)

    def lose(self, peer: NodeId) -> None:
        """Stop working for a peer that is gone."""
        for answer in self._answers.values():
            if answer.asker == peer:
                answer.scope.cancel()

    def _start(self, ask: Ask, tasks: anyio.abc.TaskGroup) -> None:
        try:
            self._check_room(ask)
            opened = self._open(ask)
        except ModelnetError as error:
            # The sender is not proven yet: only a node that is here is told, nobody else.
            if self._is_here(ask.sender):
                refusal = self._failure(ask.sender, ask.id, error)
                self._wire.send(ask.sender, encode(refusal))
            if isinstance(error, MessageError):
                raise
            return
        if (opened.sender, opened.id) in self._cancelled_early:
            del self._cancelled_early[opened.sender, opened.id]
            return
        answer = Answer(ask, self._wire, self._traffic)
        self._answers[ask.id] = answer
        self._load[ask.sender] += 1
        tasks.start_soon(self._answer, answer, opened)

    def _check_room(self, ask: Ask) -> None:
        is_full = len(self._answers) >= self._limits.streams
        if is_full or self._load[ask.sender] >= self._limits.streams_per_peer:
            raise OverloadedError(
                "The node answers as many requests as it can: ask again later or another node.",
                retry_after_s=self._limits.retry_after_s,
            )

    def _open(self, ask: Ask) -> Opened:
        if ask.id in self._answers:
            raise ReplayError("A request with this id is being answered: draw a new one.")
        opened = self._guard.open("ask", ask.sealed)
        if opened.sender != ask.sender or opened.id != ask.id:
            raise SignatureError("The request names another sender or id than its seal.")
        return opened

    def _cancel(self, frame: Cancel) -> None:
        opened = self._guard.open("cancel", frame.sealed)
        answer = self._answers.get(opened.id)
        if answer is not None and answer.asker == opened.sender:
            answer.scope.cancel()
        elif answer is None:
            # It may have overtaken its request, which is large.
            self._cancelled_early[opened.sender, opened.id] = None
            if len(self._cancelled_early) > MAX_CANCELLED_EARLY:
                del self._cancelled_early[next(iter(self._cancelled_early))]

    async def _answer(self, answer: Answer, opened: Opened) -> None:
        try:
            with answer.scope:
                await self._run(answer, opened)
        finally:
            answer.close()
            del self._answers[opened.id]
            self._load[answer.asker] -= 1
            if not self._load[answer.asker]:
                del self._load[answer.asker]

    async def _run(self, answer: Answer, opened: Opened) -> None:
        try:
            await self._produce(answer, opened)
        except ModelnetError as error:
            await answer.finish(self._failure(opened.sender, opened.id, error))
        except Exception:  # noqa: BLE001 - a bug in one handler must not take the node down
            _log.exception("the handler failed on request %s", opened.id)
            error = EngineError("The node failed to answer: its log says why.")
            await answer.finish(self._failure(opened.sender, opened.id, error))

    async def _produce(self, answer: Answer, opened: Opened) -> None:
        with anyio.move_on_after(opened.deadline - self._clock()) as in_time:
            async with aclosing(self._pieces(opened)) as pieces:
                async for piece in pieces:
                    await answer.add(piece)
        if in_time.cancelled_caught:
            raise DeadlineError("The node could not finish its answer in time.")
        await self._finish(answer, opened)

    def _pieces(self, opened: Opened) -> AsyncGenerator[bytes, None]:
        if self.handler is None:
            raise EngineError("The node does not answer requests.")
        return self.handler(
            Incoming(id=opened.id, sender=opened.sender, deadline=opened.deadline, body=opened.body)
        )

    async def _finish(self, answer: Answer, opened: Opened) -> None:
        await answer.flush()
        body = encode(answer.outflow.summary())
        sealed = self._guard.seal(
            "end", body, to=opened.sender, id=opened.id, deadline=opened.deadline
        )
        await answer.finish(End(opened.id, sealed))

    def _failure(self, asker: NodeId, id: RequestId, error: ModelnetError) -> Failure:
        body = _report.encode(report(error))
        sealed = self._guard.seal("error", body, to=asker, id=id, deadline=self._clock())
        return Failure(id, sealed)
