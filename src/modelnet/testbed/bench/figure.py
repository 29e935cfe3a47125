"""The figures of `modelnet bench network`, and what they should be. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec


class LossNoticed(msgspec.Struct, frozen=True):
    """Seconds until the last node has noticed; for the partition, until all know all again."""

    killed: float | None = None
    frozen: float | None = None
    partition_healed: float | None = None


class Failover(msgspec.Struct, frozen=True):
    """What clients saw while nodes were killed under their answers."""

    kills: int = 0
    lost: int | None = None
    gap_ms_p50: float | None = None
    gap_ms_max: float | None = None


class NetworkFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What `modelnet bench network --json` prints; `null` was not measured."""

    discovery_s: dict[str, float | None] = {}
    """From the last node's beginning to join until every node knows all, by their number."""
    loss_noticed_s: LossNoticed = LossNoticed()
    failover: Failover = Failover()
    remote_overhead_ms_p50: float | None = None
    stream_1000_overhead_ms: float | None = None
    idle_rss_mb: float | None = None
    ready_s: float | None = None


class Row(NamedTuple):
    """A figure beside its target."""

    title: str
    unit: str
    measured: float | None
    target: float

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached; `None` where nothing was measured."""
        return None if self.measured is None else self.measured <= self.target

    @property
    def verdict(self) -> str:
        """Return the answer as a word."""
        return {True: "yes", False: "no", None: "not measured"}[self.is_reached]


def rows(figures: NetworkFigures) -> Iterator[Row]:
    """Yield every figure beside its target."""
    loss, failover = figures.loss_noticed_s, figures.failover
    found = figures.discovery_s
    yield Row("10 nodes know each other", "s", found.get("10"), 0.5)
    yield Row("50 nodes know each other", "s", found.get("50"), 2.0)
    yield Row("killed node noticed (SIGKILL)", "s", loss.killed, 0.1)
    yield Row("frozen node noticed (SIGSTOP)", "s", loss.frozen, 3.0)
    yield Row("whole again after a partition", "s", loss.partition_healed, 4.0)
    yield Row(f"answers lost in {failover.kills} kills", "", failover.lost, 0)
    yield Row("silence at a takeover, median", "ms", failover.gap_ms_p50, 300.0)
    yield Row("silence at a takeover, longest", "ms", failover.gap_ms_max, 300.0)
    yield Row("short answer from another node", "ms", figures.remote_overhead_ms_p50, 1.5)
    yield Row("1,000 tokens from another node", "ms", figures.stream_1000_overhead_ms, 60.0)
    yield Row("memory of an idle node", "MB", figures.idle_rss_mb, 80.0)
    yield Row("`modelnet up` ready", "s", figures.ready_s, 1.0)


def shown(value: float | None, unit: str) -> str:
    """Return a figure for a person."""
    return "-" if value is None else f"{value:.3g} {unit}".strip()


def markdown(figures: NetworkFigures, notes: tuple[str, ...]) -> str:
    """Return the table as a page."""
    lines = [
        "# Network benchmark",
        "",
        "Written by `modelnet bench network --write`; "
        "[README.md](README.md) says how each figure is taken.",
        "",
        "| figure | measured | target | reached |",
        "|---|---:|---:|---|",
        *(
            f"| {row.title} | {shown(row.measured, row.unit)} "
            f"| {shown(row.target, row.unit)} | {row.verdict} |"
            for row in rows(figures)
        ),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    return "\n".join(lines)
