"""The figures as a picture, where matplotlib is installed."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelnet.testbed.bench.load.figure import LoadFigures, Point


def plot(figures: LoadFigures, beside: Path) -> str:
    """Draw `load.png` beside a file and return a note on it."""
    if not figures.router:
        return "No picture: routers were not measured."
    if find_spec("matplotlib") is None:
        return "No picture: matplotlib is not installed (`pip install 'ai-modelnet[bench]'`)."
    path = beside.with_suffix(".png")
    _draw(figures, path)
    return f"![Routers side by side]({path.name})"


def _draw(figures: LoadFigures, path: Path) -> None:
    canvas: Any = import_module("matplotlib.figure").Figure(figsize=(11, 4), layout="constrained")
    times: Any = canvas.add_subplot(1, 2, 1)
    goodput: Any = canvas.add_subplot(1, 2, 2)
    for name, points in figures.router.items():
        rates = [one for one in points if one.load is not None]
        crowds = [one for one in points if one.concurrency is not None]
        _line(times, rates, name, lambda one: one.load, lambda one: one.p95_s)
        _line(goodput, crowds, name, lambda one: one.concurrency, lambda one: one.goodput_share)
    times.set(xlabel="load, share of capacity", ylabel="p95, s", yscale="log")
    goodput.set(xlabel="askers", ylabel="goodput, share of capacity", ylim=(0, 1.05))
    times.legend()
    goodput.legend()
    canvas.savefig(path, dpi=110)


Read = Callable[[Point], float | None]


def _line(axes: Any, points: list[Point], name: str, x: Read, y: Read) -> None:
    axes.plot([x(one) for one in points], [y(one) for one in points], marker="o", label=name)
