"""Answering a task: the name that was asked for says which strategy answers it."""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import msgspec

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError, UnsupportedError
from modelnet.core.identity import RequestId
from modelnet.core.task import Contribution, Task
from modelnet.core.wish import NO_WISH, Wish
from modelnet.interaction.failure import Failures
from modelnet.interaction.planner import Planner
from modelnet.interaction.prover import Prover
from modelnet.interaction.reader import Reader
from modelnet.interaction.strategy.cascade import Cascade
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.pool import Keep, ModelOf, Pool
from modelnet.interaction.strategy.race import Race
from modelnet.interaction.strategy.single import Single
from modelnet.interaction.strategy.strategy import Strategy
from modelnet.resource.directory import Directory, Offer
from modelnet.resource.watcher import Watcher
from modelnet.service.analysis import TaskFeatures
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.pathway.outlook import Outlook, outlook
from modelnet.service.pathway.plan import Plan
from modelnet.service.pathway.purse import Purse
from modelnet.service.routing import Router, Scored
from modelnet.service.selection import SINGLE, Link, is_left_open, links
from modelnet.service.terms import Terms


class Coordinator:
    """Answers tasks with the models of the network."""

    def __init__(
        self,
        watcher: Watcher,
        router: Router,
        model_of: ModelOf,
        clock: Clock,
        rng: random.Random,
        reader: Reader | None = None,
        wish: Wish = NO_WISH,
        prover: Prover | None = None,
    ) -> None:
        """Answer for a node whose own wish counts where an asker has none."""
        self._reader = reader or Reader(clock)
        self.prover = prover or Prover()
        """What runs the tests that askers give, where this node may."""
        self._pool = Pool(watcher, router, model_of, clock, rng, self.prover)
        self._strategies = strategies()
        self._planner = Planner(self._strategies)
        self._wish = wish

    def keep_verdicts(self, keep: Keep) -> None:
        """Have verdicts stored that strategies come to by themselves."""
        self._pool.keep = keep

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._pool.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now, its speed as measured, its load with what was sent."""
        return self._pool.offers()

    def terms(self, task: Task) -> Terms:
        """Return what its asker wishes of a task, and this node where that says nothing."""
        return Terms.of(task.wish, self._wish)

    async def read(
        self, task: Task, *, is_again: bool = False, is_compared: bool = False
    ) -> TaskFeatures:
        """Return what the choice of a model depends on; see `Reader.read`."""
        return await self._reader.read(
            task, self.directory.offers, is_again=is_again, is_compared=is_compared
        )

    async def answer(
        self, task: Task, features: TaskFeatures | None = None
    ) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer, every stretch of it announced by a `Contribution`.

        When a model fails in the middle, the next goes on from the text so far: nothing is
        repeated or lost. Close the generator to stop the work. `features` is what `read` returned,
        where that was asked before.

        Raises:
            ModelnetError: no model could answer; the failure that says most about why.
        """
        if features is None:
            features = await self.read(task)
        purse = Purse(self.terms(task).limits.max_cost_usd)
        errors: list[ModelnetError] = []
        for link in links(task.models):
            has_begun = False
            try:
                async with aclosing(self._answer(task, features, link, purse)) as steps:
                    async for step in steps:
                        has_begun = True
                        yield step
            except ModelnetError as error:
                if has_begun:
                    raise
                errors.append(error)
            else:
                return
        raise errors[0]

    def plan(
        self, task: Task, features: TaskFeatures, link: Link, ranked: Sequence[Scored]
    ) -> Plan:
        """Return how a stretch of a task's chain would be answered, and what else could be."""
        purse = Purse(self.terms(task).limits.max_cost_usd)
        errand = self._errand(task, features, link, purse)
        seen = replace(errand, outlook=self._outlook(errand))
        return self._plan(seen, link, ranked, is_told=True)

    def learn(self, task: RequestId, verdict: float) -> None:
        """Take in whether an answer was right, 0 to 1."""
        self._planner.learn(task, verdict, self._pool.now())

    def _answer(
        self, task: Task, features: TaskFeatures, link: Link, purse: Purse
    ) -> AsyncGenerator[Chunk | Contribution, None]:
        strategy = self._strategies[link.strategy]
        if not strategy.needs(features.operation):
            raise UnsupportedError(
                f"'{strategy.name}' does not answer '{features.operation}': ask for a model, or "
                "'auto'."
            )
        errand = self._looked_at(self._errand(task, features, link, purse), link)
        plan = self._plan(errand, link, errand.ranked)
        self._planner.expect(errand, plan.chosen)
        steps = self._strategies[plan.strategy].run(errand, self._pool)
        return steps if plan.strategy == link.strategy else _announced(steps, plan.because)

    def _errand(self, task: Task, features: TaskFeatures, link: Link, purse: Purse) -> Errand:
        terms = self.terms(task)
        return Errand(
            task=task,
            features=features,
            names=link.names,
            preference=terms.preference(link.preference),
            terms=terms,
            purse=purse,
        )

    def _looked_at(self, errand: Errand, link: Link) -> Errand:
        """Return an errand with who could be asked, where a pathway is to be chosen or foretold."""
        if not (is_left_open(link) or link.strategy != SINGLE):
            return errand
        try:
            ranked = self._pool.rank(errand, Failures())
        except ModelnetError:
            # Whoever answers waits for somebody, or says why there is nobody.
            return errand
        seen = self._outlook(errand)
        return replace(errand, outlook=seen, ranked=ranked, ranked_at=self._pool.now())

    def _outlook(self, errand: Errand) -> Outlook:
        has_tests = self.prover.can_prove(errand.task)
        return outlook(errand.task.request, errand.features, has_tests=has_tests)

    def _plan(
        self, errand: Errand, link: Link, ranked: Sequence[Scored], *, is_told: bool = False
    ) -> Plan:
        """Return the strategy asked for, and where none was, the one that is best."""
        now = self._pool.now()
        if is_left_open(link):
            return self._planner.plan(errand, ranked, now, is_told=is_told)
        if link.strategy == SINGLE:
            return Plan()
        return self._planner.asked_for(link.strategy, errand, ranked, now)


async def _announced(
    steps: AsyncGenerator[Chunk | Contribution, None], because: str
) -> AsyncGenerator[Chunk | Contribution, None]:
    """Yield an answer whose first contribution says why it is answered this way."""
    is_first = True
    async with aclosing(steps):
        async for step in steps:
            if is_first and isinstance(step, Contribution):
                yield msgspec.structs.replace(step, because=f"{because}; {step.because}")
            else:
                yield step
            is_first = False


def strategies() -> dict[str, Strategy]:
    """Return every strategy by its name; they share one budget of hedges."""
    budget = HedgeBudget()
    made: tuple[Strategy, ...] = (Single(budget), Cascade(budget), Race(budget))
    return {strategy.name: strategy for strategy in made}
