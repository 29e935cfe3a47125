"""What the gateway needs of the network behind it: answers, and what can be asked."""

from collections.abc import AsyncGenerator
from typing import Protocol

from modelnet.core.chunk import Chunk
from modelnet.core.task import Contribution, Task
from modelnet.resource.directory import Directory, Offer
from modelnet.service.explanation import Explanation


class Answering(Protocol):
    """Answers tasks with whatever models the network has."""

    def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield who answers, then the answer; again who, when another model takes over.

        Exactly the last chunk carries `finish` and `usage`. Close the generator to stop the work.

        Raises:
            ModelnetError: there is no answer, or not the rest of it.
        """
        ...

    async def explain(self, task: Task) -> Explanation | None:
        """Return whom the network would ask now, and why; nothing where there is nobody."""
        ...

    @property
    def directory(self) -> Directory:
        """Every node known now, those that serve nothing included."""
        ...

    def offers(self) -> tuple[Offer, ...]:
        """Return every model reachable now."""
        ...
