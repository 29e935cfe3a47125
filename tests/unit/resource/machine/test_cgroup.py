"""Limits of a container, from the files in which Linux keeps them."""

from pathlib import Path

import pytest

from modelnet.resource.machine.cgroup import Limits, read_limits

V2 = {"cpu.max": "150000 100000\n", "memory.max": "1000\n", "memory.current": "700\n"}
V1 = {"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}
V1_MEMORY = {
    "memory.limit_in_bytes": "1000",
    "memory.usage_in_bytes": "900",
    "memory.stat": "cache 5\ntotal_inactive_file 300\n",
}


@pytest.fixture
def mount(tmp_path):
    return tmp_path / "cgroup"


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def limits(mount: Path, membership: str) -> Limits:
    file = mount.parent / "membership"
    file.write_text(membership)
    return read_limits(mount, file)


def test_version_2(mount):
    write(mount / "a", {**V2, "memory.stat": "anon 1\ninactive_file 200\n"})
    assert limits(mount, "0::/a\n") == Limits(1.5, 1000, 500)


def test_the_tightest_of_all_groups_around_counts(mount):
    write(mount / "a" / "b", {"cpu.max": "max 100000", "memory.max": "max", "memory.current": "9"})
    write(mount / "a", V2)
    write(mount, {"cpu.max": "100000 100000", "memory.max": "5000", "memory.current": "100"})
    assert limits(mount, "0::/a/b\n") == Limits(1.0, 1000, 300)


def test_version_1(mount):
    write(mount / "cpu" / "docker", V1)
    write(mount / "memory" / "docker", V1_MEMORY)
    assert limits(mount, "3:memory:/docker\n2:cpu,cpuacct:/docker\n") == Limits(0.5, 1000, 400)


def test_a_container_sees_only_the_root_of_the_mount(mount):
    write(mount, V2)
    assert limits(mount, "0::/system.slice/of-the-host\n") == Limits(1.5, 1000, 300)


@pytest.mark.parametrize(
    "files",
    [
        {"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "1"},
        {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"},
        {"cpu.max": "max 100000", "memory.max": "max"},
        {"cpu.max": "", "memory.max": "nonsense"},
        {},
    ],
)
def test_no_limit(mount, files):
    for controller in ("cpu", "memory"):
        write(mount / controller, files)
    write(mount, files)
    assert limits(mount, "3:memory:/\n2:cpu,cpuacct:/\n0::/\n") == Limits()


def test_where_there_are_no_control_groups(tmp_path):
    assert read_limits(tmp_path / "absent", tmp_path / "absent") == Limits()
    assert limits(tmp_path / "absent", "garbage\n") == Limits()


def test_those_of_this_process_can_be_read():
    found = read_limits()
    assert found.cores is None or found.cores > 0
    assert found.memory_free_bytes is None or found.memory_free_bytes >= 0
