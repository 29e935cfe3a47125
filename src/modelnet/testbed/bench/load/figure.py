"""The figures of `modelnet bench load`, what they should be, and their tables. Pure."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from modelnet.testbed.bench.load.sample import Sample

GOODPUT_TARGET = 0.9
P95_RATIO_TARGET = 2.0
"""Until `P95_LOAD`."""
P95_LOAD = 0.8
P999_RATIO_TARGET = 10.0
EXTRA_CALLS_TARGET = 0.05


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What one router made of one load."""

    load: float | None = None
    """Questions a second as a share of what all nodes together can answer; open loop."""
    concurrency: int | None = None
    """Askers, each of whom asks again as soon as it is answered; closed loop."""
    goodput_share: float
    """Whole answers a second, in time, as a share of what all nodes together can give."""
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    p95_ratio: float | None = None
    """Of `p95_s` to the p95 of this network's own router at the lowest load."""
    p95_slowdown: float | None = None
    """p95 of how many times longer an answer took than the same node takes when nobody asks it."""
    failed: int = 0
    shares: tuple[float, ...] = ()
    """The part of the answers that each node gave, from the slowest to the fastest."""


class Hedging(msgspec.Struct, frozen=True, kw_only=True):
    """What hedged requests do about answers that take a hundred times as long."""

    p999_plain_s: float | None = None
    p999_hedged_s: float | None = None
    p999_ratio: float | None = None
    extra_calls: float | None = None
    """Calls that reached a node beyond one for each question, with hedges."""


class Real(msgspec.Struct, frozen=True, kw_only=True):
    """Real processes that serve the zoo, asked through one of them."""

    capacity_per_s: float | None = None
    """The sum of what each node answers alone."""
    router: dict[str, tuple[Point, ...]] = {}


class LoadFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What `modelnet bench load --json` prints under `load`; what was not measured is empty."""

    nodes: int = 0
    capacity_per_s: float | None = None
    p95_ratio_at_best: dict[str, float] = {}
    """The ratio that the different speeds of the nodes alone make, by load: with the fastest filled
    first and nobody waiting. No router is below it."""
    router: dict[str, tuple[Point, ...]] = {}
    hedging: Hedging = Hedging()
    real: Real = Real()


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that so large a share of all does not exceed."""
    in_order = sorted(values)
    if not in_order:
        return None
    return in_order[min(len(in_order), max(1, math.ceil(share * len(in_order)))) - 1]


def point(
    samples: Sequence[Sample],
    *,
    from_s: float,
    to_s: float,
    capacity_per_s: float,
    nodes: int,
    load: float | None = None,
    concurrency: int | None = None,
) -> Point:
    """Return the figures of the questions asked, and of the answers whole, between two times."""
    asked = [one for one in samples if from_s <= one.asked_at_s < to_s]
    whole = [one for one in asked if one.server is not None]
    times = [one.took_s for one in whole]
    ended = [s for s in samples if s.server is not None and from_s <= s.ended_at_s < to_s]
    slowdowns = [one.took_s / one.alone_s for one in whole if one.alone_s]
    given = [sum(one.server == i for one in whole) for i in range(nodes)]
    return Point(
        load=load,
        concurrency=concurrency,
        goodput_share=round(len(ended) / (to_s - from_s) / capacity_per_s, 4),
        p50_s=_rounded(quantile(times, 0.5)),
        p95_s=_rounded(quantile(times, 0.95)),
        p99_s=_rounded(quantile(times, 0.99)),
        p95_slowdown=_rounded(quantile(slowdowns, 0.95)),
        failed=len(asked) - len(whole),
        shares=tuple(round(count / max(1, len(whole)), 4) for count in given),
    )


def compared(points: Sequence[Point], unloaded_s: float | None) -> tuple[Point, ...]:
    """Return points with their p95 over the unloaded one."""
    return tuple(
        msgspec.structs.replace(one, p95_ratio=_rounded(one.p95_s / unloaded_s))
        if one.p95_s is not None and unloaded_s
        else one
        for one in points
    )


class Verdict(msgspec.Struct, frozen=True):
    """A figure beside its target."""

    title: str
    measured: float | None
    target: float
    is_least: bool = False
    """Whether the target is the least that is wanted, else the most."""

    @property
    def word(self) -> str:
        """Tell whether it is reached."""
        if self.measured is None:
            return "not measured"
        is_reached = self.measured >= self.target if self.is_least else self.measured <= self.target
        return "yes" if is_reached else "no"


def verdicts(figures: LoadFigures, own: str) -> Iterator[Verdict]:
    """Yield every figure that has a target, of this network's own router."""
    points = figures.router.get(own, ())
    best = max((p.goodput_share for p in points if p.concurrency is not None), default=None)
    yield Verdict("goodput of many askers, share of capacity", best, GOODPUT_TARGET, is_least=True)
    until = [p.p95_ratio for p in points if p.load is not None and p.load <= P95_LOAD]
    ratios = [ratio for ratio in until if ratio is not None]
    yield Verdict("p95 over unloaded, until 80 % load", max(ratios, default=None), P95_RATIO_TARGET)
    hedging = figures.hedging
    yield Verdict("p99.9 without hedges over with", hedging.p999_ratio, P999_RATIO_TARGET, True)
    yield Verdict("calls that hedging adds", hedging.extra_calls, EXTRA_CALLS_TARGET)
    real = max((p.goodput_share for p in figures.real.router.get(own, ())), default=None)
    yield Verdict("goodput of real nodes, share of their sum", real, GOODPUT_TARGET, is_least=True)


def table(router: dict[str, tuple[Point, ...]]) -> list[tuple[str, ...]]:
    """Return a row a point: router, what was asked, goodput, times, ratio, failures."""
    return [
        (
            name,
            f"{one.load:.0%}" if one.load is not None else f"{one.concurrency} askers",
            f"{one.goodput_share:.1%}",
            *(_shown(x) for x in (one.p50_s, one.p95_s, one.p99_s)),
            _shown(one.p95_ratio),
            _shown(one.p95_slowdown),
            str(one.failed),
        )
        for name, points in router.items()
        for one in points
    ]


TITLES = (
    "router", "load", "goodput", "p50, s", "p95, s", "p99, s", "p95 ratio", "slowdown", "failed",
)  # fmt: skip


def markdown(figures: LoadFigures, own: str, notes: Sequence[str]) -> str:
    """Return everything as a page."""
    lines = ["# `modelnet bench load`", "", "| figure | measured | target | reached |"]
    lines += ["|---|---:|---:|---|"]
    lines += [
        f"| {v.title} | {_shown(v.measured)} | {v.target:g} | {v.word} |"
        for v in verdicts(figures, own)
    ]
    if figures.router:
        lines += ["", f"## {figures.nodes} simulated nodes", "", *_rows(table(figures.router))]
    if figures.real.router:
        lines += ["", "## Real nodes", "", *_rows(table(figures.real.router))]
    return "\n".join([*lines, "", *(f"{note}\n" for note in notes)])


def _rows(cells: Sequence[Sequence[str]]) -> list[str]:
    bar = "|".join("---" if title == "router" else "---:" for title in TITLES)
    return [f"| {' | '.join(row)} |" for row in (TITLES,)] + [
        f"|{bar}|",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
