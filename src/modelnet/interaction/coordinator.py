"""Answering a task: ask the best model; when it fails, carry on with the next, unseen."""

import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import replace

import anyio
import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    InvalidRequestError,
    ModelnetError,
)
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.core.task import Contribution, Task
from modelnet.interaction.failure import Failures
from modelnet.interaction.progress import Progress
from modelnet.resource.directory import Directory, Offer
from modelnet.resource.model import Model
from modelnet.resource.watcher import Watcher
from modelnet.service.analysis import TaskFeatures, analyse
from modelnet.service.candidate import refusal
from modelnet.service.routing import Outcome, Router, Scored
from modelnet.service.selection import select
from modelnet.service.timing import Stopwatch

STALL_S = 20.0
"""A model silent for so long is given up; the network notices dead and frozen nodes far sooner."""

RETURN_S = 5.0
"""How long a task that lost a model waits for another one to join, return or have room."""

ModelOf = Callable[[Offer], Model]
"""How an offer is asked: a model of this node directly, another's through the network."""


class Coordinator:
    """Answers tasks with the models of the network, one after another until the answer is whole."""

    def __init__(
        self, watcher: Watcher, router: Router, model_of: ModelOf, clock: Clock, rng: random.Random
    ) -> None:
        self._watcher = watcher
        self._router = router
        self._model_of = model_of
        self._clock = clock
        self._rng = rng
        self._asked: Counter[tuple[NodeId, str]] = Counter()

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._watcher.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now, its speed as measured, its load with what was sent."""
        now = self._clock()
        return tuple(
            msgspec.structs.replace(offer, speed=self._router.speed(offer, now))
            for offer in self._loaded_offers()
        )

    def _loaded_offers(self) -> tuple[Offer, ...]:
        return tuple(self._with_own_load(offer) for offer in self._watcher.directory.offers)

    async def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer, every stretch of it announced by a `Contribution`.

        When a model fails in the middle, the next goes on from the text so far: nothing is
        repeated or lost. Close the generator to stop the work.

        Raises:
            ModelnetError: no model could answer; the failure that says most about why.
        """
        features = analyse(task.request)
        progress = Progress(task.request)
        failures = Failures()
        while not progress.is_finished:
            if progress.is_exhausted:
                yield progress.ending()
                return
            scored = await self._choose(task, features, progress, failures)
            offer = scored.candidate
            contribution = Contribution(
                node=offer.node, model=offer.card.name, because=failures.explain(scored.because)
            )
            try:
                async with aclosing(self._run(scored, features, task, progress)) as chunks:
                    async for chunk in chunks:
                        if contribution is not None:
                            yield contribution
                            contribution = None
                        yield chunk
            except ModelnetError as error:
                failures.add(offer, error, self._clock())
                is_to_believe = offer.is_local and isinstance(error, InvalidRequestError)
                is_final = is_to_believe and not progress.is_begun
                if is_final or not progress.can_go_on_elsewhere or failures.are_too_many:
                    raise failures.verdict from None

    async def _choose(
        self, task: Task, features: TaskFeatures, progress: Progress, failures: Failures
    ) -> Scored:
        """Choose whom to ask; when everyone failed, wait a little for somebody to come back."""
        if progress.is_begun:
            features = replace(features, needs_continuation=True)
        give_up_at = min(self._clock() + RETURN_S, task.deadline)
        while True:
            try:
                return self._best(task, features, failures)
            except ModelnetError as error:
                failures.note(error)
            now = self._clock()
            is_hopeless = not (failures.has_lost_peer or progress.is_begun)
            if is_hopeless or now >= give_up_at:
                raise failures.verdict
            with anyio.move_on_after(max(0.0, min(give_up_at, failures.next_chance(now)) - now)):
                await self._watcher.wait()

    def _best(self, task: Task, features: TaskFeatures, failures: Failures) -> Scored:
        now = self._clock()
        offers = tuple(offer for offer in self._loaded_offers() if not failures.bars(offer, now))
        choices = select(task.models, offers)
        for choice in choices:
            ranked = self._router.rank(
                features, choice.candidates, preference=choice.preference, now=now, rng=self._rng
            )
            if ranked:
                return ranked[0]
        raise refusal(features, [offer for choice in choices for offer in choice.candidates])

    async def _run(
        self, scored: Scored, features: TaskFeatures, task: Task, progress: Progress
    ) -> AsyncGenerator[Chunk, None]:
        """Ask one model for the rest of the answer, and learn how it went."""
        offer, has_begun = scored.candidate, progress.is_begun
        watch = Stopwatch(self._clock())
        error: ModelnetError | None = None
        try:
            with self._counted(offer):
                async with aclosing(self._chunks(offer, task, progress)) as chunks:
                    async for chunk in chunks:
                        watch.note(progress.tokens, self._clock())
                        yield chunk
        except ModelnetError as failure:
            error = failure
            raise
        finally:
            now = self._clock()
            self._router.learn(
                Outcome(
                    node=offer.node,
                    model=offer.card.name,
                    kind=features.kind,
                    at=now,
                    operation=features.operation,
                    timing=None if has_begun or not progress.is_finished else watch.timing(now),
                    tokens=progress.tokens,
                    wait_factor=offer.load.wait_factor,
                    error=error,
                )
            )

    async def _chunks(
        self, offer: Offer, task: Task, progress: Progress
    ) -> AsyncGenerator[Chunk, None]:
        model = self._model_of(offer)
        async with aclosing(model.run(progress.rest(), deadline=task.deadline)) as chunks:
            while not progress.is_finished:
                yield progress.take(await self._next(chunks, offer, task.deadline))

    async def _next(
        self, chunks: AsyncGenerator[Chunk, None], offer: Offer, deadline: float
    ) -> Chunk:
        patience_s = min(STALL_S, deadline - self._clock())
        try:
            with anyio.fail_after(max(0.0, patience_s)):
                return await anext(chunks)
        except StopAsyncIteration:
            raise EngineError(f"{offer.card.name} ended its answer without saying why.") from None
        except TimeoutError:
            if patience_s < STALL_S:
                raise DeadlineError("The deadline passed before the answer was whole.") from None
            raise EngineError(f"{offer.card.name} fell silent for {STALL_S:.0f} s.") from None

    @contextmanager
    def _counted(self, offer: Offer) -> Generator[None]:
        self._asked[offer.key] += 1
        try:
            yield
        finally:
            self._asked[offer.key] -= 1
            if not self._asked[offer.key]:
                del self._asked[offer.key]

    def _with_own_load(self, offer: Offer) -> Offer:
        """Count what this node sent there since the last beacon: or it would send everything."""
        own = self._asked[offer.key]
        load = offer.load
        if own <= load.running + load.waiting:
            return offer
        running = min(own, load.parallel)
        return msgspec.structs.replace(offer, load=ModelLoad(running, own - running, load.parallel))
