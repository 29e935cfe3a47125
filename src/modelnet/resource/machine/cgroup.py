"""The limits of the control group this process lives in: what a container may use of its host.

Both versions of Linux control groups are read; where there are none, nothing is limited.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MOUNT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")

_NO_LIMIT_BYTES = 1 << 60
"""Version 1 says about 2^63 where it means no limit."""


class Limits(NamedTuple):
    """What the group allows; `None` where it sets no limit."""

    cores: float | None = None
    memory_bytes: int | None = None
    memory_free_bytes: int | None = None


class _MemoryFiles(NamedTuple):
    limit: str
    used: str
    reclaimable: str
    """The line of `memory.stat` with what the kernel gives up as soon as it is needed."""


_V1 = _MemoryFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _MemoryFiles("memory.max", "memory.current", "inactive_file")


def read_limits(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> Limits:
    """Return the tightest limits from this process's group up to the root."""
    cores: list[float] = []
    memory: list[tuple[int, int]] = []
    for folder in _folders(mount, membership):
        cores += _cores(folder)
        memory += _memory(folder, _V1 if (folder / _V1.limit).exists() else _V2)
    return Limits(
        min(cores, default=None),
        min((limit for limit, _ in memory), default=None),
        min((free for _, free in memory), default=None),
    )


def _folders(mount: Path, membership: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups and of all groups around them."""
    for line in _read(membership).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        names = controllers.split(",")
        if names == [""]:
            yield from _upwards(mount, path)
        yield from (
            folder
            for name in ("cpu", "memory")
            if name in names
            for folder in _upwards(mount / name, path)
        )


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    # In a container the path is often that on the host, and only the root of the mount is there.
    folder = mount / path.lstrip("/")
    while folder != mount:
        yield folder
        folder = folder.parent
    yield mount


def _cores(folder: Path) -> list[float]:
    quota, period = (*_read(folder / "cpu.max").split(), "", "")[:2]
    if not quota:
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    allowed, each = _number(quota), _number(period)
    return [allowed / each] if allowed and each else []


def _memory(folder: Path, files: _MemoryFiles) -> list[tuple[int, int]]:
    """Return limit and free bytes of one group, or nothing where it has no limit."""
    limit = _number(_read(folder / files.limit))
    if limit is None or limit >= _NO_LIMIT_BYTES:
        return []
    stat = dict(line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines())
    used = _number(_read(folder / files.used)) or 0
    reclaimable = _number(stat.get(files.reclaimable, "")) or 0
    return [(limit, max(0, limit - max(0, used - reclaimable)))]


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
