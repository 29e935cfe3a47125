"""Cheap models first: the next is asked where we are not sure enough of what was said.

An answer is heard out and judged before it is told; only where nobody else could follow is it told
as it comes. Cascades save money and cost time.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio
import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.error import DeadlineError, InvalidRequestError, ModelnetError
from modelnet.core.request import Chat, Complete, Operation, Request
from modelnet.core.task import Contribution
from modelnet.interaction.failure import Failures
from modelnet.interaction.progress import Progress
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.hearing import Heard, hear, proved
from modelnet.interaction.strategy.pool import Pool
from modelnet.interaction.strategy.relay import Relay
from modelnet.interaction.strategy.verdict import Verdict, judge, voice
from modelnet.service.pathway.budget import affordable, reserve_usd
from modelnet.service.pathway.climb import Climb
from modelnet.service.pathway.confidence import DEFAULT, Calibration
from modelnet.service.pathway.deadline import tell_by
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.pathway.ladder import MOST_RUNGS, awake, enough, ladder
from modelnet.service.pathway.prospect import Prospect, Rivalry
from modelnet.service.pathway.quote import Quote, in_turn
from modelnet.service.routing import Scored
from modelnet.service.timing import STREAMED

_PATIENCE = 3.0
"""A rung may take so many times as long as it usually does, whatever its share of the time is."""


class Cascade:
    """Asks up a ladder until it is sure."""

    name = "cascade"

    def __init__(self, budget: HedgeBudget, calibration: Calibration = DEFAULT) -> None:
        """Judge by a calibration; the budget is for hedges of the last rung."""
        self._budget = budget
        self._calibration = calibration

    def needs(self, operation: Operation) -> frozenset[Operation]:
        """Return the operation itself, of those whose answers can be judged."""
        return STREAMED & {operation}

    def quote(self, errand: Errand, ranked: Sequence[Scored]) -> Quote:
        """Return what it costs to climb to the top."""
        return in_turn(self._ladder(errand, ranked))

    def prospect(self, errand: Errand, ranked: Sequence[Scored], *, now: float) -> Prospect | None:
        """Return what is expected of climbing."""
        rungs = self._ladder(errand, awake(ranked, now))
        if len(rungs) < 2 or in_turn(rungs).latency_s > errand.time_left_s(now):
            return None
        known = errand.preference, errand.outlook, self._calibration
        rivalry = Rivalry(rungs, ranked[0], *known, least_gain=errand.least_gain)
        return rivalry.prospect(self.name, Climb.of(rungs, *known).course)

    def _ladder(self, errand: Errand, ranked: Sequence[Scored]) -> tuple[Scored, ...]:
        def climb(able: Sequence[Scored]) -> tuple[Scored, ...]:
            return ladder(able, errand.preference, calibration=self._calibration)

        return affordable(ranked, climb, errand.purse.left_usd, chief="last")

    def run(self, errand: Errand, pool: Pool) -> AsyncGenerator[Chunk | Contribution, None]:
        """Climb until it is sure, or nobody is left, or the time is up."""
        return _Climb(errand, pool, self._budget, self._calibration).run()


class _Climb:
    """One task on its way up."""

    def __init__(
        self, errand: Errand, pool: Pool, budget: HedgeBudget, calibration: Calibration
    ) -> None:
        self._errand = errand
        self._request = errand.task.request
        self._pool = pool
        self._budget = budget
        self._calibration = calibration
        self._failures = Failures()
        self._failed: list[Call] = []
        self._heard: list[Heard] = []
        self._deadline = tell_by(errand.task.deadline, pool.now())
        self._wanted_by = pool.now() + (errand.terms.limits.max_latency_s or math.inf)

    async def run(self) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer, as `Strategy.run` says."""
        while True:
            rungs = self._rungs()
            if not rungs:
                break
            rung = rungs[0]
            is_last = len(rungs) == 1 or len(self._heard) == MOST_RUNGS - 1
            if is_last and rung.quality.mean >= self._p_right:
                break
            await self._ask(rung, rungs[1:])
        last = rungs[0] if rungs else None
        if last is None and self._heard:
            for step in self._told():
                yield step
            return
        async with aclosing(self._tell_last(last)) as steps:
            async for step in steps:
                yield step

    @property
    def _verdict(self) -> Verdict:
        return judge(self._heard, self._request, self._calibration)

    @property
    def _p_right(self) -> float:
        return self._verdict.p_right if self._heard else 0.0

    @property
    def _p_asked(self) -> float:
        return max((one.call.scored.quality.mean for one in self._heard), default=0.0)

    @property
    def _tell_by(self) -> float:
        """When to tell the best there is; once there is any, no later than it is wanted."""
        return min(self._deadline, self._wanted_by) if self._heard else self._deadline

    def _rungs(self) -> tuple[Scored, ...]:
        """Return who may still be asked, cheapest first; nobody where what we have is enough."""
        is_over = self._pool.now() >= self._tell_by or self._failures.are_too_many
        if is_over or len(self._heard) >= MOST_RUNGS:
            return ()
        try:
            ranked = self._pool.rank(self._errand, self._failures)
        except ModelnetError as error:
            self._failures.note(error)
            return ()
        asked = {one.call.offer.card.name for one in self._heard}
        able = awake(ranked, self._pool.now())
        left = [s for s in able if s.candidate.card.name not in asked and self._makes_it(s)]
        preference, p_asked = self._errand.preference, self._p_asked

        def climb(able: Sequence[Scored]) -> tuple[Scored, ...]:
            return ladder(able, preference, p_asked=p_asked, calibration=self._calibration)

        rungs = affordable(left, climb, self._errand.purse.left_usd, chief="last")
        if not rungs or not self._heard:
            return rungs
        p_enough = enough(rungs[0], preference, p_asked=p_asked, calibration=self._calibration)
        return () if self._p_right >= p_enough else rungs

    def _makes_it(self, scored: Scored) -> bool:
        """Tell whether there is time for one more; the first is asked anyway."""
        time_left_s = self._tell_by - self._pool.now()
        return not self._heard or (scored.latency_s or 0.0) < time_left_s

    async def _ask(self, rung: Scored, later: Sequence[Scored]) -> None:
        """Hear one answer out, no longer than its share of the time: others may have to follow."""
        progress = Progress(_sounding(self._request, rung))
        allowance_usd = reserve_usd(later, self._errand.purse.left_usd)
        call = self._pool.call(self._errand, rung, progress, allowance_usd=allowance_usd)
        try:
            with anyio.fail_after(self._patience_s(rung, len(later) + 1)):
                heard = await hear(call, self._request, self._pool)
            heard = await proved(heard, self._pool)
            if not self._heard:
                # Later rungs hear only what was hard for the first.
                self._pool.judge(self._errand, heard.answer)
            self._heard.append(heard)
        except TimeoutError:
            self._note_failure(call, DeadlineError("Its share of the time was up; allow more."))
        except ModelnetError as error:
            self._note_failure(call, error)
            is_to_believe = call.offer.is_local and isinstance(error, InvalidRequestError)
            if is_to_believe and not self._heard:
                raise

    def _patience_s(self, rung: Scored, rungs: int) -> float:
        left_s = max(0.0, self._tell_by - self._pool.now())
        return min(left_s, max(left_s / rungs, _PATIENCE * (rung.latency_s or 0.0)))

    def _note_failure(self, call: Call, error: ModelnetError) -> None:
        self._failures.add(call.offer, error, self._pool.now())
        self._failed.append(call)

    def _told(self) -> list[Chunk | Contribution]:
        verdict = self._verdict
        asked = len(self._heard) + len(self._failed)
        because = (
            f"{verdict.p_right:.2f} probable after {asked} "
            f"{'model' if asked == 1 else 'models'}; {verdict.best.call.scored.because}"
        )
        return list(verdict.told(because, self._failed))

    async def _tell_last(self, last: Scored | None) -> AsyncGenerator[Chunk | Contribution, None]:
        """Tell the last answer as it comes; what was heard before is told where nothing comes."""
        relay = Relay(self._errand, self._pool, self._budget, self._failures, last)
        async with aclosing(relay.run()) as steps:
            first = await self._first(steps)
            if first is None:
                for step in self._told():
                    yield step
                return
            yield self._with_others(first)
            async for step in steps:
                yield step

    async def _first(
        self, steps: AsyncGenerator[Chunk | Contribution, None]
    ) -> Chunk | Contribution | None:
        """Return the first step; `None` where there is none, but something to tell instead."""
        if not self._heard:
            return await anext(steps)
        try:
            with anyio.move_on_after(max(0.0, self._tell_by - self._pool.now())):
                return await anext(steps)
        except ModelnetError:
            return None
        return None

    def _with_others(self, step: Chunk | Contribution) -> Chunk | Contribution:
        if isinstance(step, Chunk):
            return step
        voices = [voice(one.call, "not sure enough") for one in self._heard]
        voices += [voice(call, "failed") for call in self._failed]
        is_picked = bool(self._heard)
        return msgspec.structs.replace(step, others=tuple(voices), is_picked=is_picked)


def _sounding(request: Request, rung: Scored) -> Request:
    """Ask for log-probabilities where the model gives them: they tell how sure it was."""
    if not isinstance(request, Chat | Complete) or not rung.candidate.card.has_logprobs:
        return request
    is_bound = isinstance(request, Chat) and (request.has_tools or not request.is_plain_text)
    if is_bound or request.sampling.top_logprobs is not None:
        return request
    sampling = msgspec.structs.replace(request.sampling, top_logprobs=0)
    return msgspec.structs.replace(request, sampling=sampling)
