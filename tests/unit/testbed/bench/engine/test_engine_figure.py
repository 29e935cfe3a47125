"""Figures of engines, and the tables of them."""

import msgspec
import pytest

from modelnet.testbed.bench.engine.figure import (
    TITLES,
    Block,
    EngineRow,
    EnginesFigures,
    Load,
    PullFigures,
    Side,
    engine_figures,
    markdown,
    rows,
    side_of,
)


def side(ms: float, rate: float) -> Side:
    return Side(ms_p50=ms, ms_p99=2 * ms, requests_per_s=rate, tokens_per_s=10 * rate)


LOADS = {
    1: Load(direct=side(2.0, 500.0), adapter=side(2.25, 450.0)),
    64: Load(direct=side(60.0, 1000.0), adapter=side(62.0, 960.0)),
}
HTTP = engine_figures(("chat",), LOADS, is_http=True)
IN_PROCESS = engine_figures(("chat", "step"), LOADS, is_http=False)


def test_blocks_are_pooled():
    blocks = [Block((0.001, 0.003), 0.004), Block((0.002,), 0.002)]
    assert side_of(blocks, 12.0) == Side(2.0, 3.0, 500.0, 6000.0)


def test_overhead_is_that_of_one_request_and_throughput_that_of_many():
    assert HTTP.overhead_ms_p50 == pytest.approx(0.25)
    assert HTTP.overhead_ms_p99 == pytest.approx(0.5)
    assert HTTP.throughput_ratio == pytest.approx(0.96)
    assert list(HTTP.loads) == ["1", "64"]


def test_the_way_through_an_executor_is_told_where_there_is_one():
    loads = {1: msgspec.structs.replace(LOADS[1], executor=side(2.1, 480.0))}
    figures = engine_figures(("chat",), loads, is_http=False)
    assert figures.executor_ms_p50 == pytest.approx(0.1)
    assert HTTP.executor_ms_p50 is None


def test_engines_of_this_process_have_a_stricter_target():
    assert EngineRow("a", HTTP).overhead.is_reached
    assert not EngineRow("a", IN_PROCESS).overhead.is_reached


def test_a_server_must_also_keep_its_throughput():
    slow = {**LOADS, 64: Load(direct=side(60.0, 1000.0), adapter=side(70.0, 900.0))}
    assert EngineRow("a", HTTP).has_throughput
    assert not EngineRow("a", engine_figures(("chat",), slow, is_http=True)).has_throughput


def test_the_page_has_a_line_for_every_engine():
    pull = PullFigures(socket_ratio=0.8, pulled_mb_per_s=800.0, socket_mb_per_s=1000.0)
    figures = EnginesFigures(engines={"a": HTTP, "b": IN_PROCESS}, pull=pull)
    page = markdown(figures, ("A note.",))
    assert [cells[-1] for cells in rows(figures)] == ["yes", "no"]
    assert all(len(cells) == len(TITLES) for cells in rows(figures))
    assert "| a | chat | 0.25 ms |" in page
    assert "80% (target 70%, reached)" in page
    assert page.endswith("- A note.\n")
    assert "raw sockets" not in markdown(EnginesFigures(engines={"a": HTTP}), ())


def test_the_json_has_the_keys_that_were_promised():
    told = msgspec.to_builtins(EnginesFigures(engines={"a": HTTP}))
    assert set(told) == {"engines", "pull"}
    assert {"operations", "overhead_ms_p50", "throughput_ratio"} <= set(told["engines"]["a"])
    assert "socket_ratio" in told["pull"]
