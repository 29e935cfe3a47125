"""The Strategy seam: a way in which models answer a task together.

Implementations lie beside this module; all pass `tests/conformance/test_strategy.py`. A strategy
keeps nothing of a task once it is answered, so one of a kind serves a whole node.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from modelnet.core.chunk import Chunk
from modelnet.core.request import Operation
from modelnet.core.task import Contribution
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.pool import Pool
from modelnet.service.pathway.prospect import Prospect
from modelnet.service.pathway.quote import Quote
from modelnet.service.routing import Scored


class Strategy(Protocol):
    """A way to answer."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    def needs(self, operation: Operation) -> frozenset[Operation]:
        """Return what a member must be able to do for tasks of this operation.

        Nothing, where the strategy does not answer such tasks.
        """
        ...

    def quote(self, errand: Errand, ranked: Sequence[Scored], /) -> Quote:
        """Return what it costs before it starts, given who could be asked, best first."""
        ...

    def prospect(
        self, errand: Errand, ranked: Sequence[Scored], /, *, now: float
    ) -> Prospect | None:
        """Return what is expected of it, held against the first of the ranking alone.

        Nothing, where it would be nothing else than that, cannot be in time, or gains less than
        `errand.least_gain` for sure. `now` is Unix seconds.
        """
        ...

    def run(self, errand: Errand, pool: Pool) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer as one unbroken stream, every stretch announced by a `Contribution`.

        Exactly the last chunk carries `finish`. Never yield inside a task group or cancel scope:
        work that goes on at once is waited for between two yields. Close the generator to stop.

        Raises:
            ModelnetError: there is no answer, or not the rest of it.
        """
        ...
