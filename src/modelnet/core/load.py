"""How busy a node is right now, as it says in its load beacon."""

from typing import Annotated

import msgspec

from modelnet.core.machine import Machine

_Count = Annotated[int, msgspec.Meta(ge=0)]


class ModelLoad(msgspec.Struct, frozen=True, array_like=True):
    """Requests running and waiting, how many the engine truly runs at once, and how many began."""

    running: _Count = 0
    waiting: _Count = 0
    parallel: Annotated[int, msgspec.Meta(ge=1)] = 1
    begun: _Count = 0
    """Requests begun since the model is served: short ones, too, show that it is wanted."""

    @property
    def wait_factor(self) -> float:
        """How many whole answers must end before a newcomer starts: 0 when a place is free."""
        return max(0.0, (self.running + self.waiting + 1 - self.parallel) / self.parallel)


class Load(msgspec.Struct, frozen=True, omit_defaults=True):
    """The load of every model of a node, by name, and what its machine has and has free."""

    models: dict[str, ModelLoad] = {}
    machine: Machine | None = None
    """Nothing where the node does not tell."""
