"""The bench of batching measures both ways, and tells what one is worth over the other."""

import json

import pytest

from modelnet.testbed.bench.batching import BatchingFigures, measure_batching


def test_the_gain_is_how_many_times_more_are_answered():
    assert BatchingFigures(apart_per_s=100.0, batched_per_s=250.0).gain == 2.5


@pytest.mark.live
def test_it_measures_every_engine_that_batches(capsys):
    measure_batching(is_quick=True, as_json=True)
    told = json.loads(capsys.readouterr().out)["batching"]
    assert set(told) == {"onnx", "sklearn"}
    assert all(rate > 0 for figures in told.values() for rate in figures.values())
