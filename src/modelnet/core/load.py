"""How busy a node is right now, as it says in its load beacon."""

from typing import Annotated

import msgspec

from modelnet.core.machine import Machine

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Crowd(msgspec.Struct, frozen=True):
    """What others ask of an engine, past the door of this node."""

    others: int = 0
    """Their requests, running or waiting in the engine."""
    parallel: int | None = None
    """How many the engine runs at once; `None` where it has room for whoever comes."""


class EngineLoad(msgspec.Struct, frozen=True):
    """What an engine says of all its requests, whoever asked them."""

    running: int = 0
    waiting: int = 0
    places: int | None = None
    """How many it runs at once; where it does not say, it is full once somebody waits."""

    def crowd(self, ours: int) -> Crowd:
        """Return what is left of it without so many requests of ours."""
        others = max(0, self.running + self.waiting - ours)
        full = max(1, self.running) if self.waiting else None
        return Crowd(others, self.places or full)


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

    def within(self, crowd: Crowd) -> "ModelLoad":
        """Return the load of a model whose engine others ask, too.

        Where the engine has room, others cost speed, which is measured, and no wait.
        """
        if crowd.parallel is None:
            return self
        running = min(self.running + crowd.others, crowd.parallel)
        waiting = self.running + self.waiting + crowd.others - running
        return ModelLoad(running, waiting, crowd.parallel, self.begun)


class Load(msgspec.Struct, frozen=True, omit_defaults=True):
    """The load of every model of a node, by name, and what its machine has and has free."""

    models: dict[str, ModelLoad] = {}
    machine: Machine | None = None
    """Nothing where the node does not tell."""
