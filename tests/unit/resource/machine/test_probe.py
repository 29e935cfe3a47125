"""Looking at the machine the tests run on."""

from modelnet.resource.machine import free_memory_bytes, look_at_machine, usable_threads
from modelnet.resource.machine.probe import cpu_name


def test_this_machine(tmp_path):
    seen = look_at_machine(tmp_path)
    assert seen.cpu
    assert seen.cores > 0
    assert usable_threads() == max(1, int(seen.cores))
    assert 0 < seen.memory_free_bytes <= seen.memory_bytes
    assert 0 < free_memory_bytes() <= seen.memory_bytes
    assert seen.disk_free_bytes > 0


def test_the_room_is_that_where_the_folder_will_be(tmp_path):
    there = look_at_machine(tmp_path).disk_free_bytes
    absent = look_at_machine(tmp_path / "not" / "yet").disk_free_bytes
    assert abs(there - absent) < 1 << 30


def test_the_processor_has_a_name(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t: x\nmodel name\t: 2\n")
    assert cpu_name(file) == "Some CPU @ 3 GHz"
    assert cpu_name(tmp_path / "absent")
