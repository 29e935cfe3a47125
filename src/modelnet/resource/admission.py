"""Admission: a model runs as many requests as it can, a few wait in turn, the rest are refused."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import DeadlineError, EngineError, ModelnetError, OverloadedError
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.core.request import Request
from modelnet.resource.crowd import Lookout
from modelnet.resource.fair_queue import FairQueue
from modelnet.resource.model import Model

WAITING_PER_PLACE = 8
"""How many requests may wait for every one that runs."""

_SMOOTHING = 0.2
_FIRST_GUESS_S = 0.1

_log = logging.getLogger(__name__)


class _Ticket:
    """A request that waits. It is called to a place, or sent away for somebody else's."""

    __slots__ = ("event", "has_place")

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.has_place = False

    def call(self) -> None:
        self.has_place = True
        self.event.set()


class AdmittedModel:
    """A Model with a door: wraps another one, knows its load, refuses early when it is full."""

    def __init__(self, model: Model, clock: Clock) -> None:
        """Guard a started model: its card says how many places it has."""
        self._model = model
        self._clock = clock
        self._places = max(1, model.card.parallel)
        self._running = 0
        self._begun = 0
        self._queue: FairQueue[_Ticket] = FairQueue()
        self._service_s = _FIRST_GUESS_S
        self._last_began = -float("inf")
        self._lookout = Lookout(model, clock)

    @property
    def card(self) -> ModelCard:
        """The card of the model behind the door."""
        return self._model.card

    @property
    def load(self) -> ModelLoad:
        """How busy the model is, with what others were last seen to ask of its engine."""
        return self._own_load().within(self._lookout.crowd)

    def _own_load(self) -> ModelLoad:
        return ModelLoad(self._running, len(self._queue), self._places, self._begun)

    async def look(self) -> None:
        """Look at what others ask of the engine, if it tells and it is time to."""
        await self._lookout.look(self._own_load)

    async def start(self) -> None:
        """Start the model behind the door."""
        await self._model.start()

    async def stop(self) -> None:
        """Stop the model behind the door."""
        await self._model.stop()

    async def run(
        self, request: Request, *, deadline: float, asker: NodeId | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Wait for a place, then run.

        Askers take turns: the peers by their ids, and all clients of this node as one (`None`).

        Raises:
            OverloadedError: too many wait already, or this one would wait past its deadline.
            DeadlineError: the deadline passed while waiting.
            EngineError: the model raised something that is no error of ours.
        """
        if self._running < self._places:
            self._running += 1
        else:
            await self._queue_up(asker, deadline)
        self._begun += 1
        self._last_began = began = self._clock()
        try:
            async with aclosing(self._model.run(request, deadline=deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ModelnetError:
            raise
        # A model may be anyone's code: what it raises must not end the node, or its exams.
        except Exception as error:
            _log.exception("the model %s failed", self.card.name)
            raise EngineError(
                f"{self.card.name} failed ({type(error).__name__}); ask another model."
            ) from error
        finally:
            self._service_s += _SMOOTHING * (self._clock() - began - self._service_s)
            self._hand_on()

    async def _queue_up(self, asker: NodeId | None, deadline: float) -> None:
        """Return with a place."""
        self._make_room(asker, deadline)
        ticket = _Ticket()
        self._queue.add(asker, ticket)
        try:
            with anyio.move_on_after(max(0.0, deadline - self._clock())):
                await ticket.event.wait()
        except anyio.get_cancelled_exc_class():
            self._queue.remove(asker, ticket)
            if ticket.has_place:
                self._hand_on()
            raise
        if ticket.has_place:
            return
        if self._queue.remove(asker, ticket):
            raise DeadlineError(f"The deadline passed while waiting for {self.card.name}.")
        raise self._overloaded(self._expected_s(asker))

    def _hand_on(self) -> None:
        """Give the place of a request that ended to the one whose turn it is."""
        ticket = self._queue.pop()
        if ticket is None:
            self._running -= 1
        else:
            ticket.call()

    def _make_room(self, asker: NodeId | None, deadline: float) -> None:
        expected_s = self._expected_s(asker)
        if self._clock() + expected_s > deadline:
            raise self._overloaded(expected_s)
        if len(self._queue) >= self._places * WAITING_PER_PLACE:
            crowded_out = self._queue.crowd_out(asker)
            if crowded_out is None:
                raise self._overloaded(expected_s)
            crowded_out.event.set()

    def _expected_s(self, asker: NodeId | None) -> float:
        """Return how long one more request of an asker would wait while all places are taken."""
        turns = (self._queue.ahead_of(asker) + 1) / self._places
        # No answer has ended since the last one began: that long they take at least.
        return turns * max(self._service_s, self._clock() - self._last_began)

    def _overloaded(self, expected_s: float) -> OverloadedError:
        return OverloadedError(
            f"{self.card.name} has {len(self._queue)} requests waiting; "
            f"try again in {expected_s:.1f} s or ask another model.",
            retry_after_s=round(expected_s, 3),
        )
