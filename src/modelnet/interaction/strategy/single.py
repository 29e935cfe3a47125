"""One model answers, the best first; another takes over when it fails, or is late to begin."""

from collections.abc import AsyncGenerator, Sequence

from modelnet.core.chunk import Chunk
from modelnet.core.request import Operation
from modelnet.core.task import Contribution
from modelnet.interaction.failure import Failures
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.pool import Pool
from modelnet.interaction.strategy.relay import Relay
from modelnet.service.pathway.hedge import HedgeBudget
from modelnet.service.pathway.prospect import Prospect, of_single
from modelnet.service.pathway.quote import Quote, in_turn
from modelnet.service.routing import Scored


class Single:
    """What everybody gets who does not ask for more."""

    name = "single"

    def __init__(self, budget: HedgeBudget) -> None:
        """Share a budget of hedges with whoever else hedges on this node."""
        self._budget = budget

    def needs(self, operation: Operation) -> frozenset[Operation]:
        """Return the operation itself: any will do."""
        return frozenset({operation})

    def quote(self, _: Errand, ranked: Sequence[Scored]) -> Quote:
        """Return what the best costs."""
        return in_turn(ranked[:1])

    def prospect(self, _: Errand, ranked: Sequence[Scored], *, now: float) -> Prospect | None:  # noqa: ARG002
        """Return what the best does: others are held against it."""
        return of_single(self.name, ranked[0]) if ranked else None

    def run(self, errand: Errand, pool: Pool) -> AsyncGenerator[Chunk | Contribution, None]:
        """Ask the best for the answer, then whoever is needed for its rest."""
        return Relay(errand, pool, self._budget, Failures()).run()
