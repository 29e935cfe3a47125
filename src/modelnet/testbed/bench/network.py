"""`modelnet bench network`: every part in one run, side by side, and the table of it."""

import os
import platform
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from modelnet.application.cli.loop import run
from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.discovery import discovery
from modelnet.testbed.bench.failover import failover
from modelnet.testbed.bench.figure import LossNoticed, NetworkFigures, markdown, rows, shown
from modelnet.testbed.bench.footprint import footprint
from modelnet.testbed.bench.loss import frozen, killed, partition_healed
from modelnet.testbed.bench.overhead import short_answer_ms, thousand_tokens_ms

PARTS = ("footprint", "overhead", "discovery", "loss", "failover")

_COLUMNS = (
    Column("FIGURE"),
    Column("MEASURED", is_number=True),
    Column("TARGET", is_number=True),
    Column("REACHED"),
)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure; all parts where none is named."""

    is_quick: bool
    parts: frozenset[str]
    seed: int

    def has(self, part: str) -> bool:
        """Whether a part was asked for."""
        return not self.parts or part in self.parts


class Repetitions(msgspec.Struct, frozen=True, kw_only=True):
    """How often each thing is done."""

    kills: int = 200
    losses: int = 7
    freezes: int = 3
    cuts: int = 5
    answers: int = 300
    streams: int = 15
    starts: int = 5


QUICK = Repetitions(kills=20, losses=3, freezes=1, cuts=1, answers=100, streams=5, starts=3)


def measure_and_tell(order: Order, *, write_to: Path | None, as_json: bool) -> None:
    """Measure, then print the figures.

    Raises:
        InvalidRequestError: there is no such part.
        ModelnetError: something that should work did not.
    """
    if unknown := sorted(order.parts - set(PARTS)):
        raise InvalidRequestError(
            f"There is no part {', '.join(unknown)}: choose among {', '.join(PARTS)}."
        )
    bench = NetworkBench(order)
    figures = run(bench.measure)
    notes = (machine_note(), *bench.notes)
    if write_to is not None:
        write_to.write_text(markdown(figures, notes), encoding="utf-8")
    if as_json:
        write_json(figures)
        return
    table = [
        (row.title, shown(row.measured, row.unit), shown(row.target, row.unit), row.verdict)
        for row in rows(figures)
    ]
    write_table(_COLUMNS, table)
    for note in notes:
        write(note)


class NetworkBench:
    """Measures part after part and says on standard error which."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._often = QUICK if order.is_quick else Repetitions()
        self._figures = NetworkFigures()
        self._home = Path()
        self.notes: list[str] = []

    async def measure(self) -> NetworkFigures:
        """Measure what was ordered."""
        parts: dict[str, Callable[[], Awaitable[NetworkFigures]]] = {
            "footprint": self._footprint,
            "overhead": self._overhead,
            "discovery": self._discovery,
            "loss": self._loss,
            "failover": self._failover,
        }
        with tempfile.TemporaryDirectory(prefix="modelnet-bench-") as home:
            self._home = Path(home)
            for part in filter(self._order.has, PARTS):
                with console(stderr=True).status(f"measuring {part}"):
                    self._figures = await parts[part]()
        return self._figures

    async def _footprint(self) -> NetworkFigures:
        resident_mb, ready_s = await footprint(self._home, self._often.starts)
        return self._with(idle_rss_mb=round(resident_mb, 1), ready_s=round(ready_s, 3))

    async def _overhead(self) -> NetworkFigures:
        short_ms = await short_answer_ms(self._home, self._often.answers)
        stream_ms = await thousand_tokens_ms(self._home, self._often.streams)
        return self._with(
            remote_overhead_ms_p50=round(short_ms, 3), stream_1000_overhead_ms=round(stream_ms, 2)
        )

    async def _discovery(self) -> NetworkFigures:
        counts = (10, 50)
        found = {str(count): round(await discovery(self._home, count), 3) for count in counts}
        return self._with(discovery_s=found)

    async def _loss(self) -> NetworkFigures:
        healed_s, what = await partition_healed(self._home, self._often.cuts)
        self.notes.append(f"The partition: {what}.")
        noticed = LossNoticed(
            killed=round(await killed(self._home, self._often.losses), 4),
            frozen=round(await frozen(self._home, self._often.freezes), 3),
            partition_healed=round(healed_s, 3),
        )
        return self._with(loss_noticed_s=noticed)

    async def _failover(self) -> NetworkFigures:
        tally = await failover(self._home, self._often.kills, self._order.seed)
        handed = sum(answer.contributors > 1 for answer in tally.answers)
        self.notes.append(f"{len(tally.answers)} answers were given, {handed} changed hands.")
        self.notes += [f"Lost: {problem}" for problem in tally.problems[:5]]
        return self._with(failover=tally.figures())

    def _with(self, **measured: object) -> NetworkFigures:
        return msgspec.structs.replace(self._figures, **measured)


def machine_note() -> str:
    """Return what was measured, and on what."""
    python, cores = platform.python_version(), os.cpu_count()
    return (
        f"modelnet {version('ai-modelnet')}, Python {python}, {platform.system()} "
        f"{platform.machine()}, {cores} cores, every process on this machine."
    )
