"""Pictures of what was measured, as PNG: quality over cost, nodes that come and go, regret.

Needs matplotlib, which is an extra; without it no picture is drawn, and one line says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

_NOTE = "No pictures: matplotlib is not installed (pip install 'ai-modelnet[bench]')."
# Okabe and Ito's colours, told apart by the colour-blind.
_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
_STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.dpi": 150,
    "svg.hashsalt": "modelnet",
}
_SIZE = (6.4, 4.0)
_LINES = ((_BLUE, "-", "o"), (_ORANGE, "--", "s"), (_GREEN, "-.", "^"), (_RED, ":", "D"))
_OTHER = (_GREY, "-", "v")
_MOST_BELOW = 30.0
"""Points below the best that are still shown: worse models would press the rest together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One way of answering: cost in dollars for 1,000 queries, accuracy in percent."""

    name: str
    cost: float
    accuracy: float


def cost_quality(
    title: str,
    singles: Sequence[Spot],
    baselines: Sequence[Spot],
    ours: Sequence[Spot],
    oracle: Spot | None,
    path: Path,
) -> str | None:
    """Draw quality over cost to a PNG; returns why not where it could not."""
    if (pyplot := _pyplot()) is None:
        return _NOTE
    every = [*singles, *baselines, *ours, *([oracle] if oracle else [])]
    if len(every) == (1 if oracle else 0):
        return f"No picture of {title}: nothing was measured."
    floor = max(spot.accuracy for spot in [*singles, *baselines, *ours]) - _MOST_BELOW
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=_SIZE, layout="constrained")
        shown = [spot for spot in singles if spot.accuracy >= floor]
        _scatter(axes, shown, _GREY, "o", 14, "single models")
        compared = [spot for spot in baselines if spot.accuracy >= floor]
        _scatter(axes, compared, _ORANGE, "s", 22, "baselines")
        line = sorted(ours, key=lambda spot: spot.cost)
        axes.plot(
            *_places(line), color=_BLUE, marker="o", markersize=3.5, linewidth=1.6, label="ours"
        )
        if oracle:
            _scatter(axes, [oracle], _GREEN, "*", 90, "oracle")
        _names(axes, _outstanding(shown, compared))
        axes.margins(x=0.1)
        if all(spot.cost > 0.0 for spot in every):
            _log_scale(axes)
        axes.set(title=title, xlabel="dollars for 1,000 queries", ylabel="accuracy, %")
        _legend(figure)
        return _saved(pyplot, figure, path)


def online_rates(title: str, curves: Mapping[str, Mapping[str, float]], path: Path) -> str | None:
    """Draw accuracy over the rate at which nodes are online, `{way: {"0.5": percent}}`."""
    if (pyplot := _pyplot()) is None:
        return _NOTE
    if not curves:
        return f"No picture of {title}: nothing was measured."
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=_SIZE, layout="constrained")
        for (name, curve), (colour, dashes, marker) in zip(
            curves.items(), _styles(len(curves)), strict=True
        ):
            rates = sorted(curve, key=float, reverse=True)
            axes.plot(
                [float(rate) for rate in rates],
                [curve[rate] for rate in rates],
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4,
                label=name,
            )
        axes.invert_xaxis()
        axes.set(title=title, xlabel="probability that a node is online", ylabel="accuracy, %")
        _legend(figure)
        return _saved(pyplot, figure, path)


def regret(
    title: str, curves: Mapping[str, Sequence[float]], queries: int, path: Path
) -> str | None:
    """Draw the regret of learners over a pass of so many queries."""
    if (pyplot := _pyplot()) is None:
        return _NOTE
    if not curves:
        return f"No picture of {title}: nothing was measured."
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=_SIZE, layout="constrained")
        for (name, curve), (colour, dashes, _) in zip(
            curves.items(), _styles(len(curves)), strict=True
        ):
            asked = np.linspace(1, queries, len(curve))
            axes.plot(asked, curve, color=colour, linestyle=dashes, linewidth=1.6, label=name)
        axes.axhline(0.0, color=_GREY, linewidth=0.8)
        axes.set(
            title=title,
            xlabel="queries answered",
            ylabel="right answers fewer than the best single model",
        )
        _legend(figure)
        return _saved(pyplot, figure, path)


def _pyplot() -> Any | None:
    try:
        import_module("matplotlib").use("Agg")
        return import_module("matplotlib.pyplot")
    except ImportError:
        return None


def _styles(count: int) -> list[tuple[str, str, str]]:
    return [_LINES[k] if k < len(_LINES) else _OTHER for k in range(count)]


def _scatter(
    axes: Any, spots: Sequence[Spot], colour: str, marker: str, size: float, label: str
) -> None:
    axes.scatter(
        *_places(spots), c=colour, marker=marker, s=size, label=label, linewidths=0, zorder=3
    )


def _places(spots: Sequence[Spot]) -> tuple[list[float], list[float]]:
    return [spot.cost for spot in spots], [spot.accuracy for spot in spots]


def _outstanding(singles: Sequence[Spot], baselines: Sequence[Spot]) -> list[Spot]:
    """Return the few spots worth a name: the best single model and the best baseline."""
    best = [
        max(spots, key=lambda spot: (spot.accuracy, -spot.cost))
        for spots in (singles, baselines)
        if spots
    ]
    # Two names in one place could not be read.
    return best if len({(round(spot.accuracy), spot.cost) for spot in best}) > 1 else best[:1]


def _legend(figure: Any) -> None:
    """Put the legend above the picture, where it hides nothing."""
    figure.legend(loc="outside upper right", ncols=4)


def _names(axes: Any, spots: Sequence[Spot]) -> None:
    for spot, side in zip(spots, (-12, 6), strict=False):
        axes.annotate(
            spot.name,
            (spot.cost, spot.accuracy),
            xytext=(0, side),
            ha="center",
            textcoords="offset points",
            fontsize=7,
            color="#444444",
        )


def _log_scale(axes: Any) -> None:
    ticker: Any = import_module("matplotlib.ticker")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())


def _saved(pyplot: Any, figure: Any, path: Path) -> str | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path, metadata={"Software": None})
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}."
    finally:
        pyplot.close(figure)
    return None
