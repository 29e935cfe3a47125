"""`modelnet bench load`: routers side by side, hedged requests, and real nodes, in one run."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from modelnet.application.cli.loop import run
from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.load.cell import OWN, ROUTERS, Cell, measure_point, measure_tail
from modelnet.testbed.bench.load.figure import (
    TITLES,
    Hedging,
    LoadFigures,
    Point,
    compared,
    markdown,
    table,
    verdicts,
)
from modelnet.testbed.bench.load.fleet import capacity, fleet
from modelnet.testbed.bench.load.plot import plot
from modelnet.testbed.bench.load.real import measure_real
from modelnet.testbed.bench.load.traffic import ratio_at_best
from modelnet.testbed.bench.load.world import Plan
from modelnet.testbed.bench.network import machine_note

PARTS = ("router", "hedging", "real")

STRAGGLERS = 0.01
STRAGGLER_LOAD = 0.3
STRAGGLER_ANSWER_S = 120.0
"""Nobody gives up: it is the tail that is measured."""

_WORKERS = 2
_LEAST_ASKED = 150

T = TypeVar("T")


class LoadOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure; all parts where none is named."""

    is_quick: bool
    parts: frozenset[str]
    seed: int


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is asked."""

    loads: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
    rivals_loads: tuple[float, ...] = (0.5, 0.8, 1.0)
    lasts_s: float = 7.0
    """Simulated seconds of each load: several times as long as answers take."""
    least: int = 800
    """Questions of the lightest load: all others are compared with its p95."""
    concurrencies: tuple[int, ...] = (1, 16, 64, 150, 300)
    rivals_concurrencies: tuple[int, ...] = (300,)
    each: int = 4
    """Questions of each of those who ask again and again."""
    tail: int = 3000
    real_s: float = 3.0
    real_concurrencies: tuple[int, ...] = (1, 4, 8, 16, 64)


QUICK = Size(
    loads=(0.1, 0.8),
    rivals_loads=(0.8,),
    lasts_s=1.5,
    least=200,
    concurrencies=(300,),
    rivals_concurrencies=(),
    each=3,
    tail=1000,
    real_s=1.0,
    real_concurrencies=(1, 16),
)


def measure_load(order: LoadOrder, *, write_to: Path | None, as_json: bool) -> None:
    """Measure, then print the figures.

    Raises:
        InvalidRequestError: there is no such part.
        ModelnetError: something that should work did not.
    """
    if unknown := sorted(order.parts - set(PARTS)):
        raise InvalidRequestError(
            f"There is no part {', '.join(unknown)}: choose among {', '.join(PARTS)}."
        )
    figures = _measure(order)
    notes = [machine_note()]
    if write_to is not None:
        notes.append(plot(figures, write_to))
        write_to.write_text(markdown(figures, OWN, notes), encoding="utf-8")
    if as_json:
        write_json({"load": figures})
        return
    _tell(figures, notes)


def _measure(order: LoadOrder) -> LoadFigures:
    size = QUICK if order.is_quick else Size()
    servers = fleet(order.seed)
    plan = Plan(servers=servers, seed=order.seed)
    measured: dict[str, object] = {"nodes": len(servers), "capacity_per_s": capacity(servers)}
    steps: dict[str, Callable[[], dict[str, object]]] = {
        "router": lambda: _routers(plan, size),
        "hedging": lambda: {"hedging": _hedging(plan, size)},
        "real": lambda: {"real": _real(size)},
    }
    for part in PARTS:
        if not order.parts or part in order.parts:
            with console(stderr=True).status(f"measuring {part}"):
                measured |= steps[part]()
    return msgspec.convert(measured, LoadFigures)


def _routers(plan: Plan, size: Size) -> dict[str, object]:
    cells = [cell for router in ROUTERS for cell in _cells(router, plan, size)]
    points = list(_in_processes(measure_point, cells))
    by_router: dict[str, list[Point]] = {router: [] for router in ROUTERS}
    for cell, one in zip(cells, points, strict=True):
        by_router[cell.router].append(one)
    unloaded_s = by_router[OWN][0].p95_s
    lightest = size.loads[0]
    return {
        "router": {name: compared(ones, unloaded_s) for name, ones in by_router.items()},
        "p95_ratio_at_best": {
            f"{load:g}": round(ratio_at_best(plan.servers, load, lightest, plan.seed), 3)
            for load in size.loads
        },
    }


def _cells(router: str, plan: Plan, size: Size) -> Iterator[Cell]:
    is_own = router == OWN
    for load in size.loads if is_own else size.rivals_loads:
        asked = int(load * size.lasts_s * capacity(plan.servers))
        is_lightest = load == size.loads[0]
        count = max(asked, size.least) if is_lightest else asked
        yield Cell(router=router, plan=plan, load=load, count=count)
    for concurrency in size.concurrencies if is_own else size.rivals_concurrencies:
        count = max(_LEAST_ASKED, size.each * concurrency)
        yield Cell(router=router, plan=plan, concurrency=concurrency, count=count)


def _hedging(plan: Plan, size: Size) -> Hedging:
    plans = [
        msgspec.structs.replace(
            plan,
            askers=1,
            p_straggler=STRAGGLERS,
            answer_s=STRAGGLER_ANSWER_S,
            hedge_share=share,
        )
        for share in (0.0, None)
    ]
    cells = [Cell(router=OWN, plan=one, load=STRAGGLER_LOAD, count=size.tail) for one in plans]
    plain, hedged = _in_processes(measure_tail, cells)
    if plain.p999_s is None or hedged.p999_s is None:
        return Hedging()
    return Hedging(
        p999_plain_s=round(plain.p999_s, 3),
        p999_hedged_s=round(hedged.p999_s, 3),
        p999_ratio=round(plain.p999_s / hedged.p999_s, 2),
        extra_calls=round(hedged.calls_per_question - 1.0, 4),
    )


def _real(size: Size) -> object:
    with tempfile.TemporaryDirectory(prefix="modelnet-bench-") as home:
        return run(lambda: measure_real(Path(home), size.real_concurrencies, size.real_s))


def _in_processes(measure: Callable[[Cell], T], cells: Sequence[Cell]) -> Iterable[T]:
    """Measure cells side by side: in virtual time they do not disturb each other."""
    workers = min(_WORKERS, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(measure, cells))


def _tell(figures: LoadFigures, notes: Sequence[str]) -> None:
    columns = [Column(title, is_number=title != "router") for title in TITLES]
    for router in (figures.router, figures.real.router):
        if router:
            write_table(columns, table(router))
    write_table(
        [
            Column("FIGURE"),
            *(Column(t, is_number=True) for t in ("MEASURED", "TARGET")),
            Column("REACHED"),
        ],
        [
            (v.title, "-" if v.measured is None else f"{v.measured:.3g}", f"{v.target:g}", v.word)
            for v in verdicts(figures, OWN)
        ],
    )
    for note in notes:
        write(note)
