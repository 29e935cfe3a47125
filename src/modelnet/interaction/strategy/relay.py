"""One answer by one model after another: when one fails, the next goes on from the text so far.

A model late with its first word is hedged: the next best is asked as well, the first to speak wins.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelnet.core.chunk import Chunk
from modelnet.core.error import InvalidRequestError, ModelnetError
from modelnet.core.task import Contribution
from modelnet.interaction.failure import Failures
from modelnet.interaction.progress import Progress
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.opening import Opening, alone, hedged
from modelnet.interaction.strategy.pool import Pool
from modelnet.service.pathway.hedge import HedgeBudget, rival
from modelnet.service.routing import Scored

RETURN_S = 5.0
"""How long a task that lost a model waits for another one to join, return or have room."""


class Relay:
    """Passes one answer from model to model until it is whole."""

    def __init__(
        self,
        errand: Errand,
        pool: Pool,
        budget: HedgeBudget,
        failures: Failures,
        first: Scored | None = None,
    ) -> None:
        """Begin an answer, with `first` if given; whoever `failures` bars is not asked."""
        self._first = first
        self._errand = errand
        self._pool = pool
        self._budget = budget
        self._failures = failures
        self._progress = Progress(errand.task.request)

    async def run(self) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer, as `Strategy.run` says."""
        while not self._progress.is_finished:
            if self._progress.is_exhausted:
                yield self._progress.ending()
                return
            opening = await self._open(await self._chosen())
            if (call := opening.call) is None:
                self._give_up_or_go_on(opening)
                continue
            self._take(opening)
            self._progress = call.progress
            yield call.contribution(self._because(call, opening))
            async with aclosing(call.chunks) as chunks:
                yield opening.chunk
                try:
                    async for chunk in chunks:
                        yield chunk
                except ModelnetError as error:
                    self._give_up_or_go_on(Opening(failed=[(call, error)]))

    async def _chosen(self) -> tuple[Scored, ...]:
        """Return whom to ask, best first, and before all the one to begin with."""
        first, self._first = self._first, None
        ranked = await self._choose()
        if first is None:
            return ranked
        return first, *(other for other in ranked if other.candidate.key != first.candidate.key)

    async def _choose(self) -> tuple[Scored, ...]:
        """Choose whom to ask; when everyone failed, wait a little for somebody to come back."""
        pool, failures = self._pool, self._failures
        is_begun = self._progress.is_begun
        give_up_at = min(pool.now() + RETURN_S, self._errand.task.deadline)
        while True:
            try:
                return pool.rank(self._errand, failures, is_begun=is_begun)
            except ModelnetError as error:
                failures.note(error)
            now = pool.now()
            is_hopeless = not (failures.has_lost_peer or is_begun)
            if is_hopeless or now >= give_up_at:
                raise failures.verdict
            await pool.change(min(give_up_at, failures.next_chance(now)))

    async def _open(self, ranked: tuple[Scored, ...]) -> Opening:
        """Ask the first of a ranking, and one more when it is late."""
        errand, pool, now = self._errand, self._pool, self._pool.now()
        self._budget.note_call()
        first = pool.call(errand, ranked[0], self._progress)
        late_s = pool.late_s(errand, ranked[0])
        time_left_s = errand.task.deadline - now
        if late_s is None or late_s >= time_left_s:
            return await alone(first)
        other = rival(errand.features, ranked, time_left_s=time_left_s, now=now)
        if other is None:
            return await alone(first)
        progress = self._progress

        def second() -> Call | None:
            return pool.call(errand, other, progress) if self._budget.take() else None

        return await hedged(first, second, late_s)

    def _take(self, opening: Opening) -> None:
        """Note who failed."""
        for call, error in opening.failed:
            self._failures.add(call.offer, error, self._pool.now())

    def _give_up_or_go_on(self, opening: Opening) -> None:
        """Note that all failed, and raise what to tell the asker when nobody else can go on."""
        self._take(opening)
        progress = self._progress
        is_final = not progress.is_begun and any(
            call.offer.is_local and isinstance(error, InvalidRequestError)
            for call, error in opening.failed
        )
        if is_final or not progress.can_go_on_elsewhere or self._failures.are_too_many:
            raise self._failures.verdict from None

    def _because(self, call: Call, opening: Opening) -> str:
        """Say why the one who speaks was asked."""
        because = self._failures.explain(call.scored.because)
        if opening.late is None:
            return because
        return f"spoke first where {opening.late.offer.card.name} was late; {because}"
