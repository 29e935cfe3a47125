"""The nodes of the simulation: their speed, their places, and the way to them. Pure."""

import random
from collections.abc import Sequence

import msgspec

NODES = 20
SPREAD = 10.0
"""How many times faster the fastest node is than the slowest."""

FASTEST_S = 0.2
"""Mean time of an answer of the fastest node, nobody else asking."""

PLACES = (1, 2, 4, 8)
"""A faster machine answers more at once, as graphics cards do beside laptops."""

DELAY_S = (0.001, 0.02)
"""The way to a node, one direction: from the next room to the next country."""


class Server(msgspec.Struct, frozen=True):
    """One node that answers."""

    mean_s: float
    """Mean time of an answer, nobody else asking."""
    places: int
    """Answers at once."""
    delay_s: float
    """The way to it, one direction."""

    @property
    def capacity(self) -> float:
        """Answers a second when all places are always taken."""
        return self.places / self.mean_s


def fleet(seed: int, count: int = NODES) -> tuple[Server, ...]:
    """Return nodes from the slowest to the fastest, their speeds spread evenly over the ratio."""
    rng = random.Random(seed)  # noqa: S311 - a simulation's dice
    return tuple(
        Server(
            FASTEST_S * SPREAD ** (1.0 - i / max(1, count - 1)),
            PLACES[i * len(PLACES) // count],
            rng.uniform(*DELAY_S),
        )
        for i in range(count)
    )


def capacity(servers: Sequence[Server]) -> float:
    """Return answers a second when every place of every node is always taken."""
    return sum(server.capacity for server in servers)


def shares_at_best(servers: Sequence[Server], load: float) -> tuple[float, ...]:
    """Return the part of all answers that each node gives where the fastest are filled first.

    No router can answer that load with faster nodes than these: it is the bound to compare with.
    """
    left = wanted = load * capacity(servers)
    given: dict[int, float] = {}
    for i in sorted(range(len(servers)), key=lambda i: servers[i].mean_s):
        given[i] = min(left, servers[i].capacity)
        left -= given[i]
    return tuple(given[i] / wanted for i in range(len(servers)))
