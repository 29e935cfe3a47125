"""The figures of the load benchmark."""

from modelnet.testbed.bench.load.figure import (
    Hedging,
    LoadFigures,
    compared,
    markdown,
    point,
    quantile,
    verdicts,
)
from modelnet.testbed.bench.load.plot import plot
from modelnet.testbed.bench.load.sample import Sample


def test_a_quantile_is_a_value_that_was_seen():
    assert quantile([], 0.5) is None
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0], 0.999) == 1.0
    assert quantile(list(map(float, range(1, 101))), 0.95) == 95.0
    assert quantile([1.0, 2.0], 0.0) == 1.0


def samples() -> list[Sample]:
    """Ten questions, one each second, answered in half of one; the last fails."""
    return [Sample(float(i), 0.5, 0.25, None if i == 9 else i % 2) for i in range(10)]


def test_a_point_counts_what_ended_in_time():
    one = point(samples(), from_s=0.0, to_s=10.0, capacity_per_s=1.0, nodes=2, load=0.9)
    assert one.goodput_share == 0.9
    assert (one.p50_s, one.p95_s, one.p95_slowdown) == (0.5, 0.5, 2.0)
    assert one.failed == 1
    assert one.shares == (0.5556, 0.4444)


def test_what_was_asked_before_the_queues_had_settled_is_left_out():
    one = point(samples(), from_s=5.0, to_s=10.0, capacity_per_s=1.0, nodes=2)
    assert one.goodput_share == 0.8
    assert one.failed == 1


def test_where_everything_failed_there_are_no_times():
    lost = [Sample(0.5, 1.0)]
    one = point(lost, from_s=0.0, to_s=1.0, capacity_per_s=1.0, nodes=2)
    assert (one.goodput_share, one.p95_s, one.shares) == (0.0, None, (0.0, 0.0))
    assert compared([one], 1.0)[0].p95_ratio is None


def test_points_are_compared_with_the_unloaded_one():
    one = point(samples(), from_s=0.0, to_s=10.0, capacity_per_s=1.0, nodes=2)
    assert compared([one], 0.25)[0].p95_ratio == 2.0
    assert compared([one], None)[0].p95_ratio is None


def figures() -> LoadFigures:
    asked = point(samples(), from_s=0.0, to_s=10.0, capacity_per_s=1.0, nodes=2, load=0.8)
    crowd = point(samples(), from_s=0.0, to_s=10.0, capacity_per_s=1.0, nodes=2, concurrency=4)
    own = compared([asked, crowd], 0.2)
    return LoadFigures(router={"own": own}, hedging=Hedging(p999_ratio=12.0, extra_calls=0.06))


def test_verdicts_say_what_is_reached():
    words = [verdict.word for verdict in verdicts(figures(), "own")]
    assert words == ["yes", "no", "yes", "no", "not measured"]


def test_the_page_has_every_point_and_note():
    page = markdown(figures(), "own", ["One machine."])
    assert "| own | 80% | 90.0% |" in page
    assert "| own | 4 askers | 90.0% |" in page
    assert page.rstrip().endswith("One machine.")


def test_without_routers_there_is_no_picture(tmp_path):
    assert plot(LoadFigures(), tmp_path / "load.md").startswith("No picture")
    assert list(tmp_path.iterdir()) == []
