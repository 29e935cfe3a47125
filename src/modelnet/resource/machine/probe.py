"""Looking at this machine: the shell around what the operating system tells."""

import functools
import os
import platform
import re
import shutil
from pathlib import Path

import psutil

from modelnet.core.machine import Machine
from modelnet.resource.machine.cgroup import Limits, read_limits
from modelnet.resource.machine.gpu import look_at_gpus

_CPUINFO = Path("/proc/cpuinfo")
_LONGEST_NAME = 128


def look_at_machine(data_dir: Path) -> Machine:
    """Return what a node that keeps its data there may use of this machine.

    Blocks for about a millisecond; longer where a GPU's driver takes its time.
    """
    limits = read_limits()
    total_bytes, free_bytes = _memory()
    return Machine(
        cpu=cpu_name(_CPUINFO)[:_LONGEST_NAME],
        cores=_cores(limits),
        memory_bytes=_least(total_bytes, limits.memory_bytes),
        memory_free_bytes=_least(free_bytes, limits.memory_free_bytes),
        disk_free_bytes=_disk_free_bytes(data_dir),
        gpus=look_at_gpus(),
    )


@functools.cache
def cpu_name(cpuinfo: Path) -> str:
    """Return what the processor calls itself, or else its architecture."""
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
    except OSError:
        told = None
    return told[1].strip() if told else platform.processor() or platform.machine()


def usable_threads() -> int:
    """Return how many threads can compute at once: more than that only wait for each other."""
    return max(1, int(_cores(read_limits())))


def free_memory_bytes() -> int:
    """Return what this process can have without anything being swapped out."""
    return _least(_memory()[1], read_limits().memory_free_bytes)


def _cores(limits: Limits) -> float:
    has_affinity = hasattr(os, "sched_getaffinity")
    here = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return float(here) if limits.cores is None else min(float(here), limits.cores)


def _memory() -> tuple[int, int]:
    """Return the bytes there are and those free; none where the system does not tell."""
    try:
        told = psutil.virtual_memory()
    except (OSError, psutil.Error):
        return 0, 0
    return told.total, told.available


def _least(size_bytes: int, limit_bytes: int | None) -> int:
    return size_bytes if limit_bytes is None else min(size_bytes, limit_bytes)


def _disk_free_bytes(folder: Path) -> int:
    """Return the room at a folder, or where it would be made; none where that cannot be told."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), None)
    try:
        return 0 if there is None else shutil.disk_usage(there).free
    except OSError:
        return 0
