"""Admission: a model runs as many requests as it can, a few wait, the rest are refused at once."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import DeadlineError, EngineError, ModelnetError, OverloadedError
from modelnet.core.load import ModelLoad
from modelnet.core.request import Request
from modelnet.resource.model import Model

WAITING_PER_PLACE = 8
"""How many requests may wait for every one that runs."""

_SMOOTHING = 0.2

_log = logging.getLogger(__name__)


class AdmittedModel:
    """A Model with a door: wraps another one, knows its load, refuses early when it is full."""

    def __init__(self, model: Model, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._places = anyio.Semaphore(max(1, model.card.parallel))
        self._running = 0
        self._waiting = 0
        self._service_s = 0.1

    @property
    def card(self) -> ModelCard:
        """The card of the model behind the door."""
        return self._model.card

    @property
    def load(self) -> ModelLoad:
        """How busy the model is."""
        return ModelLoad(self._running, self._waiting, max(1, self.card.parallel))

    async def start(self) -> None:
        """Start the model behind the door."""
        await self._model.start()

    async def stop(self) -> None:
        """Stop the model behind the door."""
        await self._model.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Wait for a place, then run.

        Raises:
            OverloadedError: too many wait already, or this one would wait past its deadline.
            DeadlineError: the deadline passed while waiting.
            EngineError: the model raised something that is no error of ours.
        """
        await self._enter(deadline)
        began = self._clock()
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
            self._running -= 1
            self._places.release()
            self._service_s += _SMOOTHING * (self._clock() - began - self._service_s)

    async def _enter(self, deadline: float) -> None:
        load = self.load
        expected_s = load.wait_factor * self._service_s
        is_full = load.running + load.waiting >= load.parallel * (1 + WAITING_PER_PLACE)
        if is_full or self._clock() + expected_s > deadline:
            raise OverloadedError(
                f"{self.card.name} has {self._waiting} requests waiting; "
                f"try again in {expected_s:.1f} s or ask another model.",
                retry_after_s=round(expected_s, 3),
            )
        self._waiting += 1
        try:
            with anyio.fail_after(max(0.0, deadline - self._clock())):
                await self._places.acquire()
        except TimeoutError:
            name = self.card.name
            raise DeadlineError(f"The deadline passed while waiting for {name}.") from None
        finally:
            self._waiting -= 1
        self._running += 1
