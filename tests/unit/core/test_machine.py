"""Room on a machine, and what of it is worth telling everybody."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.load import Load, ModelLoad
from modelnet.core.machine import Gpu, Machine

GIB = 1024**3
ROOMY = Machine(memory_bytes=16 * GIB, memory_free_bytes=8 * GIB, disk_free_bytes=10 * GIB)

sizes = st.integers(0, 1 << 50)


@pytest.mark.parametrize(
    ("size_bytes", "on_disk_bytes", "has_room"),
    [
        (4 * GIB, None, True),
        (7 * GIB, None, False),  # It fits by its size; to run it takes more.
        (11 * GIB, 0, False),
        (6 * GIB, 0, True),
        (4 * GIB, 10 * GIB, False),
    ],
)
def test_room(size_bytes, on_disk_bytes, has_room):
    assert ROOMY.has_room(size_bytes, on_disk_bytes=on_disk_bytes) is has_room


def test_a_full_disk_has_room_for_what_is_there_already():
    full = msgspec.structs.replace(ROOMY, disk_free_bytes=0)
    assert full.has_room(GIB, on_disk_bytes=0)
    assert not full.has_room(GIB)


def test_who_tells_nothing_has_no_room():
    assert not Machine().has_room(1)


@given(sizes, sizes, sizes, sizes, st.floats(0, 1))
def test_rounding_never_promises_more_than_there_is(total, free, disk, gpu_free, busy):
    gpus = (Gpu("g", total, gpu_free, busy),)
    seen = Machine(
        memory_bytes=total, memory_free_bytes=free, disk_free_bytes=disk, gpus=gpus, cores=2
    )
    told = seen.rounded()
    assert told.memory_free_bytes <= free
    assert told.disk_free_bytes <= disk
    assert told.gpus[0].free_bytes <= gpu_free
    assert told.rounded() == told
    assert free - told.memory_free_bytes <= total / 32


def test_noise_is_not_worth_telling():
    noise = msgspec.structs.replace(ROOMY, memory_free_bytes=8 * GIB + 4096)
    assert noise.rounded() == ROOMY.rounded()


def test_a_load_without_machine_is_the_load_of_before():
    load = Load({"m": ModelLoad(1, 2, 3)})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(load)) == {"models": {"m": [1, 2, 3, 0]}}
    told_before = msgspec.msgpack.encode({"models": {"m": [1, 2, 3]}})
    assert msgspec.msgpack.decode(told_before, type=Load) == load


@pytest.mark.parametrize(
    "nonsense",
    [
        {"cores": -1.0},
        {"memory_free_bytes": -1},
        {"cpu": "x" * 129},
        {"gpus": [["g"]]},
        {"gpus": [{"name": "g", "busy": 1.5}]},
        {"gpus": [{"name": "g"}] * 65},
    ],
)
def test_what_no_machine_can_have_does_not_decode(nonsense):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"models": {}, "machine": nonsense}, Load)
