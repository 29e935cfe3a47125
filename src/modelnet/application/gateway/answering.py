"""What the gateway needs of the network behind it: answers, and what can be asked."""

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.core.standing import Tally
from modelnet.core.task import Contribution, Task


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a node, reachable now."""

    node: NodeId
    node_name: str
    card: ModelCard
    load: ModelLoad = ModelLoad()
    is_local: bool = False
    skills: dict[str, Tally] = {}
    """What was measured of it, by skill id."""


class Answering(Protocol):
    """Answers tasks with whatever models the network has."""

    def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield who answers, then the answer; again who, when another model takes over.

        Exactly the last chunk carries `finish` and `usage`. Close the generator to stop the work.

        Raises:
            ModelnetError: there is no answer, or not the rest of it.
        """
        ...

    def offers(self) -> tuple[Offer, ...]:
        """Return every model reachable now."""
        ...
