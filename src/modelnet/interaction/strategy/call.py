"""One model being asked for an answer, or for the rest of one."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from modelnet.core.chunk import Chunk
from modelnet.core.task import Contribution, Task
from modelnet.interaction.progress import Progress
from modelnet.resource.directory import Offer
from modelnet.service.routing import Scored


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call that may be under way: reading `chunks` begins it, closing them ends it."""

    scored: Scored
    progress: Progress
    """How far the answer has come by this call; its own, so that calls can go on side by side."""
    chunks: AsyncGenerator[Chunk, None]
    task: Task | None = None
    """For whose task; it may have tests of the answer."""

    @property
    def offer(self) -> Offer:
        """Whom it asks."""
        return self.scored.candidate

    def contribution(self, because: str) -> Contribution:
        """Return what announces the chunks of this call."""
        return Contribution(node=self.offer.node, model=self.offer.card.name, because=because)
