"""The figures of `modelnet bench routing`, what they should be, and their tables. Pure."""

from collections.abc import Iterator, Sequence

import msgspec

from modelnet.testbed.bench.routing.score import Point

TITLES = ("set", "what", "accuracy %", "delta", "95 %", "$ / 1000", "cost", "latency")


class BestSingle(msgspec.Struct, frozen=True, kw_only=True):
    """The best single model, chosen on what may be looked at."""

    model: str
    accuracy: float
    """Percent, as everywhere here."""
    cost: float
    """Dollars for 1,000 queries."""
    latency_s: float | None = None


class SetFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One set."""

    n: int
    best_single: BestSingle
    points: dict[str, Point]
    hull_area: float | None = None
    """Of the cost-quality hull of our router, from the cheapest model's cost to the dearest's."""
    hull_area_singles: float | None = None
    hull_area_oracle: float | None = None
    apgr: float | None = None
    """Sets of two models only."""
    online_rate: dict[str, float] = {}
    """Accuracy when every model is there with this probability."""
    bandit_final: float | None = None
    """Accuracy of the last third of one pass with bandit feedback."""
    bandit: dict[str, float] = {}
    """Beside it: points more than the best single model, and regrets over the whole pass."""
    baselines: dict[str, Point] = {}
    without_domain: dict[str, Point] = {}
    """The point "equal cost", learnt without one of the domains."""
    singles: dict[str, tuple[float, float]] = {}
    """Cost and accuracy of every model."""
    curve: tuple[tuple[float, float], ...] = ()
    """Cost and accuracy of our router at every charge."""
    online: dict[str, dict[str, float]] = {}
    """Accuracy by rate, of our router and of others."""
    regret: dict[str, tuple[float, ...]] = {}
    """Of learners, at a hundred evenly spaced queries of one pass."""
    regret_queries: int = 0


class RoutingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    part: str
    sets: dict[str, SetFigures]
    decision_ms: dict[str, float] = {}
    """Median of one decision once the query is embedded, by number of candidates."""
    encode_ms: float | None = None
    """Median of one query; `None` where no encoder is installed."""


def rows(figures: RoutingFigures) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table, points first, then baselines."""
    for name, one in figures.sets.items():
        best = one.best_single
        yield _row(name, f"best single: {best.model}", best.accuracy, best.cost, best.latency_s)
        for what, point in one.points.items():
            yield _point_row(name, what.replace("_", " "), point)
        for what, point in one.baselines.items():
            if what != "best single":
                yield _point_row(name, what, point)


def facts(figures: RoutingFigures) -> Iterator[str]:
    """Yield what has no row of its own, a sentence each."""
    for name, one in figures.sets.items():
        if one.hull_area is not None:
            yield (
                f"{name}: area under the hull {one.hull_area:.3f} "
                f"(single models {one.hull_area_singles:.3f}, oracle {one.hull_area_oracle:.3f})."
            )
        if one.apgr is not None:
            yield f"{name}: APGR {one.apgr:.3f}."
        if one.online_rate:
            told = ", ".join(f"{rate}: {share:.1f}" for rate, share in one.online_rate.items())
            yield f"{name}: accuracy when models are there with probability {told}."
        if one.bandit:
            told = ", ".join(f"{what} {value:+.2f}" for what, value in one.bandit.items())
            yield f"{name}: bandit feedback, at the end {one.bandit_final:.1f} ({told})."
        for domain, point in one.without_domain.items():
            yield (
                f"{name}: learnt without {domain}: {point.delta:+.2f} "
                f"[{point.ci95[0]:+.2f}, {point.ci95[1]:+.2f}] at {point.cost_change:+.0%} cost."
            )
    if figures.decision_ms:
        told = ", ".join(f"{ms:.2f} ms for {count}" for count, ms in figures.decision_ms.items())
        yield f"A decision takes {told} candidates."
    if figures.encode_ms is not None:
        yield f"A query is embedded in {figures.encode_ms:.1f} ms."


def markdown(figures: RoutingFigures, notes: Sequence[str]) -> str:
    """Return the page."""
    lines = [
        "# Routing on recorded answers",
        "",
        f"`modelnet bench routing --part {figures.part}`; see [how it is measured](README.md).",
        "",
        "| " + " | ".join(TITLES) + " |",
        "|---|---" + "|---:" * (len(TITLES) - 2) + "|",
        *("| " + " | ".join(row) + " |" for row in rows(figures)),
        "",
        *(f"- {fact}" for fact in facts(figures)),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    return "\n".join(lines)


def _point_row(name: str, what: str, point: Point) -> tuple[str, ...]:
    return (
        *_row(name, what, point.accuracy, point.cost, point.latency_s)[:3],
        f"{point.delta:+.2f}",
        f"{point.ci95[0]:+.2f} to {point.ci95[1]:+.2f}",
        f"{point.cost:.2f}",
        f"{point.cost_change:+.0%}",
        "" if point.latency_change is None else f"{point.latency_change:+.0%}",
    )


def _row(
    name: str, what: str, accuracy: float, cost: float, latency_s: float | None
) -> tuple[str, ...]:
    latency = "" if latency_s is None else f"{latency_s:.2f} s"
    return name, what, f"{accuracy:.2f}", "", "", f"{cost:.2f}", "", latency
