"""The best models at once: the first answer on which two voices agree wins.

Where nobody agrees, the most probable answer is told. What is still under way is cancelled.
"""

import math
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing

from modelnet.core.chunk import Chunk
from modelnet.core.error import ModelnetError
from modelnet.core.request import Operation
from modelnet.core.task import Contribution
from modelnet.interaction.failure import Failures
from modelnet.interaction.progress import Progress
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.hearing import Heard, Hearing, hear_several
from modelnet.interaction.strategy.pool import Pool
from modelnet.interaction.strategy.relay import Relay
from modelnet.interaction.strategy.verdict import judge
from modelnet.service.pathway.agreement import agreed, conclusion
from modelnet.service.pathway.budget import affordable, share_usd
from modelnet.service.pathway.confidence import DEFAULT, Calibration
from modelnet.service.pathway.deadline import tell_by
from modelnet.service.pathway.heat import Heat, most_gain
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.pathway.lineup import lineup
from modelnet.service.pathway.prospect import Prospect, Rivalry
from modelnet.service.pathway.quote import Quote, at_once
from modelnet.service.routing import Scored
from modelnet.service.timing import STREAMED

RUNNERS = 3

_QUORUM = 2
_LEAST_PATIENCE_S = 0.2
_PATIENCE = 2.0
"""A runner may take so many times as long as it usually does, whatever the others need."""
_P_LIKELY = 0.6
_P_SURE = 0.97
"""A sum that was worked out, for one, needs no second voice."""


class Race:
    """Costs money to save time: easy questions are as quick as the second fastest model."""

    name = "race"

    def __init__(
        self, budget: HedgeBudget, runners: int = RUNNERS, calibration: Calibration = DEFAULT
    ) -> None:
        """Ask so many at once; the budget is for hedges where only one can run."""
        self._budget = budget
        self._runners = runners
        self._calibration = calibration

    def needs(self, operation: Operation) -> frozenset[Operation]:
        """Return the operation itself, of those whose answers can be compared."""
        return STREAMED & {operation}

    def quote(self, errand: Errand, ranked: Sequence[Scored]) -> Quote:
        """Return what all runners cost: those that lose are paid, too."""
        return at_once(self._runners_of(errand, ranked, now=errand.task.deadline))

    def prospect(self, errand: Errand, ranked: Sequence[Scored], *, now: float) -> Prospect | None:
        """Return what is expected of running."""
        members = self._runners_of(errand, ranked, now=now)
        outlook = errand.outlook
        can_win = outlook.is_provable or outlook.p_comparable > 0.0
        if len(members) < 2 or not can_win or ranked[0].breaker.is_open(now):
            return None
        if at_once(members).latency_s > errand.time_left_s(now):
            return None
        best_first = sorted(members, key=lambda one: -one.quality.mean)
        known = ranked[0], errand.preference, outlook, self._calibration
        if most_gain(best_first, *known) <= errand.least_gain:
            return None
        rivalry = Rivalry(best_first, *known, least_gain=errand.least_gain)
        return rivalry.prospect(self.name, Heat.of(best_first, outlook, self._calibration).course)

    async def run(self, errand: Errand, pool: Pool) -> AsyncGenerator[Chunk | Contribution, None]:
        """Let them run, and tell the winner's answer at once."""
        failures = Failures()
        calls = self._calls(errand, pool, failures)
        if len(calls) > 1:
            hearing = await self._heard(errand, pool, calls)
            for heard in hearing.heard:
                pool.judge(errand, heard.answer)
            pool.compare(errand, [heard.answer for heard in hearing.heard])
            for call, error in hearing.failed:
                failures.add(call.offer, error, pool.now())
            if hearing.heard:
                for step in self._told(errand, calls, hearing):
                    yield step
                return
        relay = Relay(errand, pool, self._budget, failures)
        async with aclosing(relay.run()) as steps:
            async for step in steps:
                yield step

    def _calls(self, errand: Errand, pool: Pool, failures: Failures) -> list[Call]:
        try:
            ranked = pool.rank(errand, failures)
        except ModelnetError:
            # The relay waits for somebody, or says why there is nobody.
            return []
        members = self._runners_of(errand, ranked, now=pool.now())
        progress, left_usd = Progress(errand.task.request), errand.purse.left_usd
        return [
            pool.call(errand, member, progress, allowance_usd=share_usd(member, members, left_usd))
            for member in members
        ]

    def _runners_of(
        self, errand: Errand, ranked: Sequence[Scored], *, now: float
    ) -> tuple[Scored, ...]:
        """Return who runs: of those who are worth it as many as can be paid."""

        def line_up(able: Sequence[Scored]) -> tuple[Scored, ...]:
            return lineup(
                able,
                errand.preference,
                size=self._runners,
                now=now,
                calibration=self._calibration,
            )

        return affordable(ranked, line_up, errand.purse.left_usd, chief="first")

    async def _heard(self, errand: Errand, pool: Pool, calls: Sequence[Call]) -> Hearing:
        began = pool.now()
        deadline = tell_by(errand.task.deadline, began)
        wanted_by = began + (errand.terms.limits.max_latency_s or math.inf)

        def until(heard: Sequence[Heard]) -> float:
            if self._is_decided(errand, calls, heard):
                return began
            spoken = [one for one in heard if not one.answer.is_empty]
            last = min(deadline, wanted_by) if spoken else deadline
            if len(spoken) < _QUORUM:
                return last
            # A quorum without agreement waits for the others, but not for one that is stuck.
            quorum_at = spoken[_QUORUM - 1].at
            usual_s = max((c.scored.latency_s or 0.0 for c in _left(calls, heard)), default=0.0)
            patience_s = max(_LEAST_PATIENCE_S, quorum_at - began)
            return min(last, max(quorum_at + patience_s, began + _PATIENCE * usual_s))

        return await hear_several(calls, errand.task.request, until, pool)

    def _is_decided(self, errand: Errand, calls: Sequence[Call], heard: Sequence[Heard]) -> bool:
        """Tell whether two agree, or one is sure, or says what cannot be compared nor beaten.

        Two models that are mostly wrong do not decide while a better one is still at work.
        """
        if not heard:
            return False
        verdict = judge(heard, errand.task.request, self._calibration)
        p_others = max((c.scored.quality.mean for c in _left(calls, heard)), default=0.0)
        if verdict.p_right >= _P_SURE:
            return True
        answers = [one.answer for one in heard]
        if (winner := agreed(answers)) is not None:
            return verdict.best.answer == winner and verdict.p_right >= min(_P_LIKELY, p_others)
        is_prose = conclusion(verdict.best.answer.text, verdict.best.answer.tool_calls) is None
        return is_prose and not verdict.best.answer.is_empty and verdict.p_right >= p_others

    def _told(
        self, errand: Errand, calls: Sequence[Call], hearing: Hearing
    ) -> Generator[Chunk | Contribution]:
        verdict = judge(hearing.heard, errand.task.request, self._calibration)
        failed = [call for call, _ in hearing.failed]
        left = [call for call in _left(calls, hearing.heard) if call not in failed]
        because = (
            f"{verdict.p_right:.2f} probable, {_agreement(hearing)} of {len(calls)} models asked; "
            f"{verdict.best.call.scored.because}"
        )
        return verdict.told(because, failed, left)


def _left(calls: Sequence[Call], heard: Sequence[Heard]) -> list[Call]:
    """Return who has not answered."""
    done = [one.call for one in heard]
    return [call for call in calls if call not in done]


def _agreement(hearing: Hearing) -> str:
    """Say how many agree."""
    is_agreed = agreed([one.answer for one in hearing.heard]) is not None
    return "two agree" if is_agreed else f"the best of {len(hearing.heard)} answers"
