"""Figures beside their targets."""

import msgspec
import pytest

from modelnet.testbed.bench.figure import (
    Failover,
    LossNoticed,
    NetworkFigures,
    markdown,
    rows,
    shown,
)

FIGURES = NetworkFigures(
    discovery_s={"10": 0.2, "50": 3.0},
    loss_noticed_s=LossNoticed(killed=0.01, frozen=2.0, partition_healed=4.0),
    failover=Failover(kills=200, lost=0, gap_ms_p50=20.0, gap_ms_max=301.0),
    remote_overhead_ms_p50=1.0,
    stream_1000_overhead_ms=10.0,
    idle_rss_mb=70.0,
    ready_s=0.5,
)


def test_every_figure_is_judged_by_its_target():
    missed = [row.title for row in rows(FIGURES) if row.is_reached is False]
    assert missed == ["50 nodes know each other", "silence at a takeover, longest"]


def test_what_was_not_measured_is_not_judged():
    assert {row.verdict for row in rows(NetworkFigures())} == {"not measured"}


def test_a_single_lost_answer_is_too_many():
    figures = msgspec.structs.replace(FIGURES, failover=Failover(kills=200, lost=1))
    lost = next(row for row in rows(figures) if row.title.startswith("answers lost"))
    assert lost.is_reached is False


def test_the_json_has_the_keys_that_were_promised():
    told = msgspec.to_builtins(FIGURES)
    assert set(told) == {
        "discovery_s",
        "loss_noticed_s",
        "failover",
        "remote_overhead_ms_p50",
        "stream_1000_overhead_ms",
        "idle_rss_mb",
        "ready_s",
    }
    assert set(told["loss_noticed_s"]) == {"killed", "frozen", "partition_healed"}
    assert set(told["failover"]) == {"kills", "lost", "gap_ms_p50", "gap_ms_max"}


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(None, "s", "-"), (0.0123, "s", "0.0123 s"), (0, "", "0"), (71.44, "MB", "71.4 MB")],
)
def test_figures_are_shown_with_their_unit(value, unit, expected):
    assert shown(value, unit) == expected


def test_the_page_has_a_line_for_every_figure():
    page = markdown(FIGURES, ("A note.",))
    assert page.count("| yes |") == 10
    assert page.count("| no |") == 2
    assert page.endswith("- A note.\n")
