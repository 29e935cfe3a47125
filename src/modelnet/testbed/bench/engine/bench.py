"""`modelnet bench engines`: every engine in one run, beside itself asked directly."""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import anyio
import msgspec

from modelnet.application.cli.loop import run
from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.application.demo.process import Fleet
from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.engine.contestant import Contestant
from modelnet.testbed.bench.engine.figure import (
    TITLES,
    EngineFigures,
    EnginesFigures,
    PullFigures,
    engine_figures,
    markdown,
    rows,
)
from modelnet.testbed.bench.engine.huggingface import HUGGING_FACE
from modelnet.testbed.bench.engine.language import LANGUAGE
from modelnet.testbed.bench.engine.measure import Effort, loads_of
from modelnet.testbed.bench.engine.numeric import NUMERIC
from modelnet.testbed.bench.network import machine_note
from modelnet.testbed.bench.pull import pull_figures

QUICK = Effort(counts=(1, 16), rounds=2, requests=64)
PULL = "pull"

CONTESTANTS: dict[str, Contestant] = {**LANGUAGE, **HUGGING_FACE, **NUMERIC}


def measure_engines(
    only: frozenset[str], *, is_quick: bool, write_to: Path | None, as_json: bool
) -> None:
    """Measure, then print the figures.

    Raises:
        InvalidRequestError: there is no such engine.
        ModelnetError: something that should work did not.
    """
    names = (*CONTESTANTS, PULL)
    if unknown := sorted(only - set(names)):
        raise InvalidRequestError(
            f"There is no engine {', '.join(unknown)}: choose among {', '.join(names)}."
        )
    effort = QUICK if is_quick else Effort()
    bench = EnginesBench(effort)
    figures = run(lambda: bench.measure(only or frozenset(names)))
    notes = (machine_note(), *bench.notes)
    if write_to is not None:
        write_to.write_text(markdown(figures, notes), encoding="utf-8")
    if as_json:
        write_json(figures)
        return
    write_table([Column(title) for title in TITLES], list(rows(figures)))
    for note in notes:
        write(note)


class EnginesBench:
    """Measures engine after engine and says on standard error which."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self.notes: list[str] = []

    async def measure(self, wanted: frozenset[str]) -> EnginesFigures:
        """Measure what was ordered, as far as it is installed."""
        engines: dict[str, EngineFigures] = {}
        with tempfile.TemporaryDirectory(prefix="modelnet-bench-") as home:
            for name in filter(wanted.__contains__, CONTESTANTS):
                if missing := [m for m in CONTESTANTS[name].packages if find_spec(m) is None]:
                    self.notes.append(f"{name} was left out: {', '.join(missing)} is missing.")
                    continue
                with console(stderr=True).status(f"measuring {name}"):
                    engines[name] = await self._engine(name, Path(home) / name)
            pull = PullFigures()
            if PULL in wanted:
                with console(stderr=True).status(f"measuring {PULL}"):
                    pull = await pull_figures(Path(home) / PULL, self._effort.rounds)
        return EnginesFigures(engines=engines, pull=pull)

    async def _engine(self, name: str, home: Path) -> EngineFigures:
        contestant = CONTESTANTS[name]
        requests = min(contestant.requests, self._effort.requests)
        effort = msgspec.structs.replace(self._effort, requests=requests)
        await anyio.Path(home).mkdir()
        async with Fleet(home) as fleet, contestant.start(fleet, home) as pair:
            loads = await loads_of(pair, effort)
            return engine_figures(pair.model.card.operations, loads, is_http=pair.is_http)
