"""The figures of a pull: medians, and the ratio within each round."""

from modelnet.testbed.bench.pull import FILE_BYTES, WAYS, _figures


def test_the_ratio_is_that_of_each_round_not_of_the_medians():
    mb = FILE_BYTES / 1e6
    seconds = {
        "raw": [1.0, 4.0, 2.0],
        "hashed": [2.0, 2.0, 2.0],
        "network": [8.0, 4.0, 16.0],
        "bulk": [2.0, 5.0, 2.5],
    }
    assert set(seconds) == set(WAYS)
    figures = _figures(seconds)
    assert figures.socket_ratio == 0.8
    assert figures.socket_mb_per_s == mb / 2
    assert figures.pulled_mb_per_s == mb / 2.5
    assert figures.hashed_mb_per_s == mb / 2
    assert figures.network_mb_per_s == mb / 8
