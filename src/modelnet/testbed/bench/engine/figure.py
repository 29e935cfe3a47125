"""The figures of `modelnet bench engines`, and what they should be. Pure."""

import statistics
from collections.abc import Iterator, Sequence

import msgspec

from modelnet.testbed.bench.figure import Row, shown

HTTP_OVERHEAD_MS = 0.3
IN_PROCESS_OVERHEAD_MS = 0.1
THROUGHPUT_RATIO = 0.95
SOCKET_RATIO = 0.7


class Block(msgspec.Struct, frozen=True):
    """What a number of requests took, so many at once."""

    times_s: tuple[float, ...]
    """Of each request."""
    wall_s: float
    """Of all together."""


class Side(msgspec.Struct, frozen=True):
    """One of two ways to ask an engine, at one concurrency."""

    ms_p50: float
    ms_p99: float
    requests_per_s: float
    tokens_per_s: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The engine asked directly, and through the adapter, so many requests at once."""

    direct: Side
    adapter: Side
    executor: Side | None = None
    """Asked directly from an event loop, by `run_in_executor`; of engines in this process."""

    @property
    def overhead_ms(self) -> float:
        """Difference of the medians."""
        return self.adapter.ms_p50 - self.direct.ms_p50

    @property
    def throughput_ratio(self) -> float:
        """Requests a second through the adapter, over those asked directly."""
        return self.adapter.requests_per_s / self.direct.requests_per_s


class EngineFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter costs."""

    operations: tuple[str, ...]
    is_http: bool
    overhead_ms_p50: float
    """One request at a time."""
    overhead_ms_p99: float
    executor_ms_p50: float | None = None
    """What asyncio's own way into a thread costs over the engine; of engines in this process."""
    throughput_ratio: float
    """At the highest concurrency."""
    loads: dict[str, Load] = {}
    """By the number of requests at once."""


class PullFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What fetching a file from two peers reaches of two raw sockets."""

    socket_ratio: float | None = None
    pulled_mb_per_s: float | None = None
    socket_mb_per_s: float | None = None
    hashed_mb_per_s: float | None = None
    """Raw sockets and a SHA-256 over every piece: what a pull cannot do without."""
    network_mb_per_s: float | None = None
    """A pull whose pieces come over the network's own links, as in closed networks."""


class EnginesFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What `modelnet bench engines --json` prints."""

    engines: dict[str, EngineFigures] = {}
    pull: PullFigures = PullFigures()


def side_of(blocks: Sequence[Block], tokens_per_answer: float) -> Side:
    """Return what several blocks say together."""
    times_s = sorted(time_s for block in blocks for time_s in block.times_s)
    requests_per_s = len(times_s) / sum(block.wall_s for block in blocks)
    return Side(
        ms_p50=round(statistics.median(times_s) * 1000, 4),
        ms_p99=round(times_s[min(len(times_s) - 1, int(0.99 * len(times_s)))] * 1000, 4),
        requests_per_s=round(requests_per_s, 2),
        tokens_per_s=round(requests_per_s * tokens_per_answer, 1),
    )


def engine_figures(
    operations: tuple[str, ...], loads: dict[int, Load], *, is_http: bool
) -> EngineFigures:
    """Return the figures of one engine from its loads, by the number of requests at once."""
    alone, crowded = loads[min(loads)], loads[max(loads)]
    return EngineFigures(
        operations=operations,
        is_http=is_http,
        overhead_ms_p50=round(alone.overhead_ms, 4),
        overhead_ms_p99=round(alone.adapter.ms_p99 - alone.direct.ms_p99, 4),
        executor_ms_p50=alone.executor and round(alone.executor.ms_p50 - alone.direct.ms_p50, 4),
        throughput_ratio=round(crowded.throughput_ratio, 4),
        loads={str(count): load for count, load in loads.items()},
    )


class EngineRow(msgspec.Struct, frozen=True):
    """An engine as the table shows it."""

    name: str
    figures: EngineFigures

    @property
    def overhead(self) -> Row:
        """What a request costs more, beside its target."""
        target = HTTP_OVERHEAD_MS if self.figures.is_http else IN_PROCESS_OVERHEAD_MS
        return Row(f"{self.name}: overhead", "ms", self.figures.overhead_ms_p50, target)

    @property
    def has_throughput(self) -> bool:
        """Whether the throughput is what it should be."""
        return not self.figures.is_http or self.figures.throughput_ratio >= THROUGHPUT_RATIO


def rows(figures: EnginesFigures) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each engine's line."""
    for name, engine in figures.engines.items():
        row = EngineRow(name, engine)
        ratios = (f"{load.throughput_ratio:.1%}" for load in engine.loads.values())
        yield (
            name,
            ", ".join(engine.operations),
            shown(engine.overhead_ms_p50, "ms"),
            shown(engine.overhead_ms_p99, "ms"),
            shown(engine.executor_ms_p50, "ms"),
            shown(row.overhead.target, "ms"),
            " / ".join(ratios),
            "yes" if row.overhead.is_reached and row.has_throughput else "no",
        )


TITLES = ("ENGINE", "DOES", "P50", "P99", "EXECUTOR", "TARGET", "THROUGHPUT", "REACHED")


def markdown(figures: EnginesFigures, notes: Sequence[str]) -> str:
    """Return the tables as a page."""
    counts = sorted({int(n) for engine in figures.engines.values() for n in engine.loads})
    lines = [
        "# Engine benchmark",
        "",
        "Written by `modelnet bench engines --write`; "
        "[README.md](README.md) says how each figure is taken.",
        "",
        f"Throughput through the adapter over that of the engine asked directly, at "
        f"{' / '.join(map(str, counts))} requests at once.",
        "",
        f"| {' | '.join(title.lower() for title in TITLES)} |",
        "|---|---|---:|---:|---:|---:|---:|---|",
        *(f"| {' | '.join(cells)} |" for cells in rows(figures)),
        "",
        *_pull_lines(figures.pull),
        *(f"- {note}" for note in notes),
        "",
    ]
    return "\n".join(lines)


def _pull_lines(pull: PullFigures) -> list[str]:
    if pull.socket_ratio is None:
        return []
    reached = "reached" if pull.socket_ratio >= SOCKET_RATIO else "not reached"
    return [
        f"A file of 200 MB from two peers: {shown(pull.pulled_mb_per_s, 'MB/s')}, two raw sockets "
        f"{shown(pull.socket_mb_per_s, 'MB/s')}: {pull.socket_ratio:.0%} "
        f"(target {SOCKET_RATIO:.0%}, {reached}). Raw sockets that hash: "
        f"{shown(pull.hashed_mb_per_s, 'MB/s')}; a pull over the network's own links: "
        f"{shown(pull.network_mb_per_s, 'MB/s')}. All have the file on the disk at the end.",
        "",
    ]
