"""Answering a task: the name that was asked for says which strategy answers it."""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError, UnsupportedError
from modelnet.core.task import Contribution, Task
from modelnet.interaction.strategy.cascade import Cascade
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.pool import ModelOf, Pool
from modelnet.interaction.strategy.race import Race
from modelnet.interaction.strategy.single import Single
from modelnet.interaction.strategy.strategy import Strategy
from modelnet.resource.directory import Directory, Offer
from modelnet.resource.watcher import Watcher
from modelnet.service.analysis import TaskFeatures, analyse
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.routing import Router
from modelnet.service.selection import Link, links


class Coordinator:
    """Answers tasks with the models of the network."""

    def __init__(
        self, watcher: Watcher, router: Router, model_of: ModelOf, clock: Clock, rng: random.Random
    ) -> None:
        self._pool = Pool(watcher, router, model_of, clock, rng)
        self._strategies = strategies()

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self._pool.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now, its speed as measured, its load with what was sent."""
        return self._pool.offers()

    async def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer, every stretch of it announced by a `Contribution`.

        When a model fails in the middle, the next goes on from the text so far: nothing is
        repeated or lost. Close the generator to stop the work.

        Raises:
            ModelnetError: no model could answer; the failure that says most about why.
        """
        features = analyse(task.request)
        errors: list[ModelnetError] = []
        for link in links(task.models):
            has_begun = False
            try:
                async with aclosing(self._answer(task, features, link)) as steps:
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

    def _answer(
        self, task: Task, features: TaskFeatures, link: Link
    ) -> AsyncGenerator[Chunk | Contribution, None]:
        strategy = self._strategies[link.strategy]
        if not strategy.needs(features.operation):
            raise UnsupportedError(
                f"'{strategy.name}' does not answer '{features.operation}': ask for a model, or "
                "'auto'."
            )
        errand = Errand(task=task, features=features, names=link.names, preference=link.preference)
        return strategy.run(errand, self._pool)


def strategies() -> dict[str, Strategy]:
    """Return every strategy by its name; they share one budget of hedges."""
    budget = HedgeBudget()
    made: tuple[Strategy, ...] = (Single(budget), Cascade(budget), Race(budget))
    return {strategy.name: strategy for strategy in made}
