import pytest

from modelnet.application.cli.hardware import told_of
from modelnet.core.machine import Gpu, Machine


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        (None, "?"),
        (
            Machine(cores=2, memory_bytes=24_000_000_000, memory_free_bytes=9_540_000_000),
            "2 cores, 9.5 of 24 GB free",
        ),
        (
            Machine(cores=0.5, gpus=(Gpu("H100", 85_000_000_000, 60_000_000_000), Gpu("GB10"))),
            "0.5 cores, 0.0 of 0.0 GB free, H100 60 of 85 GB free, GB10",
        ),
        (Machine(cores=1, memory_bytes=10**9), "1 core, 0.0 of 1.0 GB free"),
    ],
)
def test_in_few_words(machine, told):
    assert told_of(machine) == told
