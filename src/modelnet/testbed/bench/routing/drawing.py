"""The pictures of the routing bench, drawn from its figures."""

from collections.abc import Iterator
from pathlib import Path

from modelnet.testbed.bench.routing.figure import RoutingFigures, SetFigures
from modelnet.testbed.bench.routing.plot import Spot, cost_quality, online_rates, regret

_NOT_DRAWN = frozenset({"oracle", "random"})


def drawn(figures: RoutingFigures, folder: Path) -> Iterator[str]:
    """Draw three pictures of each set into a folder; yields why where one could not be drawn."""
    notes: dict[str, None] = {}
    for name, one in figures.sets.items():
        for note in (
            _costs(name, one, folder),
            online_rates(name, one.online, folder / f"routing-{name}-online.png"),
            regret(name, one.regret, one.regret_queries, folder / f"routing-{name}-regret.png"),
        ):
            if note is not None:
                notes[note] = None
    yield from notes


def _costs(name: str, one: SetFigures, folder: Path) -> str | None:
    if not one.curve:
        return None
    singles = [Spot(name=model, cost=cost, accuracy=p) for model, (cost, p) in one.singles.items()]
    compared = [
        Spot(name=what, cost=point.cost, accuracy=point.accuracy)
        for what, point in one.baselines.items()
        if what not in _NOT_DRAWN and "online" not in what
    ]
    ours = [Spot(name="ours", cost=cost, accuracy=p) for cost, p in one.curve]
    ideal = one.baselines.get("oracle")
    oracle = (
        None if ideal is None else Spot(name="oracle", cost=ideal.cost, accuracy=ideal.accuracy)
    )
    return cost_quality(name, singles, compared, ours, oracle, folder / f"routing-{name}.png")
