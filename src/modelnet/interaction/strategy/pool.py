"""The models of the network as strategies ask them: ranked, counted, timed, and learnt from."""

import random
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace

import anyio
import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import DeadlineError, EngineError, LimitError, ModelnetError
from modelnet.core.request import Request
from modelnet.core.task import Task
from modelnet.interaction.failure import Failures
from modelnet.interaction.progress import Progress
from modelnet.interaction.prover import Prover
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.errand import Errand
from modelnet.ledger.outcome import Source
from modelnet.resource.directory import Directory, Offer
from modelnet.resource.model import Model
from modelnet.resource.watcher import Watcher
from modelnet.service.candidate import refusal
from modelnet.service.limit import Excluded, keep, nobody_keeps
from modelnet.service.neighbourhood import packed
from modelnet.service.outcome import Outcome
from modelnet.service.pathway.answer import Answer
from modelnet.service.pathway.deadline import in_time_first, tell_by
from modelnet.service.pathway.hedge import FirstChunks
from modelnet.service.pathway.opinion import Opinion, opinions
from modelnet.service.pathway.purse import Bill, shortened
from modelnet.service.pathway.verifier import is_right
from modelnet.service.routing import Router, Scored
from modelnet.service.selection import select
from modelnet.service.timing import Stopwatch
from modelnet.service.waiting import Underway

STALL_S = 20.0
"""A model silent for so long is given up; the network notices dead and frozen nodes far sooner."""

ModelOf = Callable[[Offer], Model]
"""How an offer is asked: a model of this node directly, another's through the network."""


Keep = Callable[[Outcome, Source], None]
"""Stores a verdict, and where it is from."""


class Pool:
    """Every model that can be asked, and what was seen of those that were."""

    def __init__(
        self,
        watcher: Watcher,
        router: Router,
        model_of: ModelOf,
        clock: Clock,
        rng: random.Random,
        prover: Prover | None = None,
    ) -> None:
        self._watcher = watcher
        self._router = router
        self._model_of = model_of
        self._rng = rng
        self._prover = prover or Prover()
        self._underway = Underway()
        self._first_chunks = FirstChunks()
        self.keep: Keep | None = None
        """Stores what was learnt of answers, whether they are told or not."""
        self.now = clock
        """Unix seconds."""

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._watcher.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now, its speed as measured, its load with what was sent."""
        now = self.now()
        return tuple(
            msgspec.structs.replace(offer, speed=self._router.speed(offer, now))
            for offer in self._loaded_offers()
        )

    def rank(
        self, errand: Errand, failures: Failures, *, is_begun: bool = False
    ) -> tuple[Scored, ...]:
        """Return who can be asked, best first: of the first name that has anybody within limits.

        Those whom `failures` bars are left out; where the answer `is_begun` so is who cannot go on.

        Raises:
            ModelnetError: nobody can be asked; the reason to tell the asker.
        """
        now = self.now()
        if failures.are_none and not is_begun and (fresh := errand.fresh(now)):
            return fresh
        features = (
            replace(errand.features, needs_continuation=True) if is_begun else errand.features
        )
        offers = tuple(offer for offer in self._loaded_offers() if not failures.bars(offer, now))
        choices = select(errand.names, offers)
        excluded: list[Excluded] = []
        for choice in choices:
            preference = errand.terms.preference(choice.preference)
            ranked = self._router.rank(
                features, choice.candidates, preference=preference, now=now, rng=self._rng
            )
            kept = keep(ranked, errand.terms.limits, errand.purse.left_usd, features.operation)
            if kept.within:
                left_s = errand.task.deadline - now
                return in_time_first(kept.within, features, time_left_s=left_s, now=now)
            excluded += kept.excluded
        if excluded:
            raise nobody_keeps(excluded, errand.terms.limits, errand.purse)
        raise refusal(features, [offer for choice in choices for offer in choice.candidates])

    def call(
        self,
        errand: Errand,
        scored: Scored,
        progress: Progress,
        *,
        allowance_usd: float | None = None,
    ) -> Call:
        """Return a call that asks a model for what `progress` still lacks. It takes its own copy.

        It may spend what is left to the task, or an allowance, where others have to be paid, too.

        Its chunks raise a `ModelnetError` where the model fails, is silent for `STALL_S`, or the
        deadline passes. What becomes of it, the router learns.
        """
        own = progress.fork()
        return Call(scored, own, self._run(errand, scored, own, allowance_usd), errand.task)

    def can_prove(self, task: Task) -> bool:
        """Whether answers to a task can be tried before they are told."""
        return self._prover.can_prove(task)

    async def prove(self, task: Task, text: str) -> bool | None:
        """Return whether an answer passes its tests, as far as there are any and there is time."""
        now = self.now()
        time_s = tell_by(task.deadline, now) - now
        return await self._prover.prove(task, text, time_s=time_s)

    def judge(self, errand: Errand, answer: Answer) -> None:
        """Have the router learn of an answer what a program can tell, whether it is told or not.

        Only where a model was asked whatever others said: else it is judged by what was hard, or
        easy, for them.
        """
        proof = is_right(errand.task.request, answer)
        if proof is not None:
            self._learn(errand, Opinion(answer, float(proof), 1.0), "verifier")

    def compare(self, errand: Errand, answers: Sequence[Answer]) -> None:
        """Have the router learn what answers say of each other, where no program can tell."""
        for opinion in opinions(errand.task.request, answers):
            self._learn(errand, opinion, "agreement")

    def _learn(self, errand: Errand, opinion: Opinion, source: Source) -> None:
        features, task, offer = errand.features, errand.task, opinion.answer.offer
        place = features.words if features.embedding is None else features.embedding
        embedding = place if task.is_kept else None
        outcome = Outcome(
            node=offer.node,
            model=offer.card.name,
            kind=features.kind,
            at=self.now(),
            operation=features.operation,
            p_right=opinion.p_right,
            weight=opinion.weight,
            embedding=None if embedding is None else packed(embedding),
            task=task.id,
        )
        self._router.learn(outcome)
        if task.is_kept and self.keep is not None:
            self.keep(outcome, source)

    def late_s(self, errand: Errand, scored: Scored) -> float | None:
        """Return after how long without a first chunk a model is late; `None`: not known yet."""
        return self._first_chunks.late_s((scored.candidate.key, errand.features.operation))

    async def change(self, until: float) -> None:
        """Return after the next change of the network, or at the time given in Unix seconds."""
        with anyio.move_on_after(max(0.0, until - self.now())):
            await self._watcher.wait()

    async def _run(
        self, errand: Errand, scored: Scored, progress: Progress, allowance_usd: float | None
    ) -> AsyncGenerator[Chunk, None]:
        offer, has_begun = scored.candidate, progress.is_begun
        bill = Bill(scored, errand.features.most_prompt_tokens, progress.tokens)
        left_usd = errand.purse.left_usd
        most_usd = left_usd if allowance_usd is None else min(left_usd, allowance_usd)
        most_tokens = bill.affordable_tokens(most_usd)
        if most_tokens == 0:
            raise LimitError(f"What is left of the money pays for no answer of {offer.card.name}.")
        began = self.now()
        watch = Stopwatch(began)
        is_silent = True
        error: ModelnetError | None = None
        try:
            with self._counted(offer):
                request = shortened(progress.rest(), most_tokens)
                chunks = self._chunks(offer, request, progress, errand.task.deadline)
                async with aclosing(chunks):
                    async for chunk in chunks:
                        watch.note(progress.tokens, self.now())
                        bill.note(progress.tokens, chunk)
                        if is_silent:
                            is_silent = False
                            self._first_chunks.note(*self._first_chunk(errand, offer, began))
                        yield chunk
        except ModelnetError as failure:
            error = failure
            raise
        finally:
            now = self.now()
            errand.purse.spend(bill.total_usd(error))
            if is_silent and error is None:
                self._first_chunks.note_given_up(*self._first_chunk(errand, offer, began))
            self._router.learn(
                Outcome(
                    node=offer.node,
                    model=offer.card.name,
                    kind=errand.features.kind,
                    at=now,
                    operation=errand.features.operation,
                    timing=None if has_begun or not progress.is_finished else watch.timing(now),
                    tokens=progress.tokens,
                    wait_factor=offer.load.wait_factor,
                    error=error,
                )
            )

    def _first_chunk(self, errand: Errand, offer: Offer, began: float) -> tuple[object, float]:
        return (offer.key, errand.features.operation), self.now() - began

    async def _chunks(
        self, offer: Offer, request: Request, progress: Progress, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        model = self._model_of(offer)
        async with aclosing(model.run(request, deadline=deadline)) as chunks:
            while not progress.is_finished:
                yield progress.take(await self._next(chunks, offer, deadline))

    async def _next(
        self, chunks: AsyncGenerator[Chunk, None], offer: Offer, deadline: float
    ) -> Chunk:
        patience_s = min(STALL_S, deadline - self.now())
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
        self._underway.begin(offer.key)
        try:
            yield
        finally:
            self._underway.end(offer.key)

    def _loaded_offers(self) -> tuple[Offer, ...]:
        return tuple(map(self._underway.seen, self._watcher.directory.offers))
