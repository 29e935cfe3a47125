"""How commands tell of a machine: `2 cores, 21 of 24 GB free`. Pure."""

from modelnet.core.machine import Gpu, Machine

_GB = 1e9


def told_of(machine: Machine | None) -> str:
    """Return what a node has, in few words; nothing is told where it tells nothing."""
    if machine is None:
        return "?"
    parts = [cores(machine.cores), memory(machine.memory_free_bytes, machine.memory_bytes)]
    parts += [told_of_gpu(gpu) for gpu in machine.gpus]
    return ", ".join(parts)


def told_of_gpu(gpu: Gpu) -> str:
    """Return a graphics processor with its memory, where it has any of its own."""
    return (
        f"{gpu.name} {memory(gpu.free_bytes, gpu.memory_bytes)}" if gpu.memory_bytes else gpu.name
    )


def cores(number: float) -> str:
    """Return a number of processor cores; a container may have half of one."""
    return f"{number:g} core{'' if number == 1 else 's'}"


def memory(free_bytes: int, total_bytes: int) -> str:
    """Return free and total memory in gigabytes."""
    return f"{gigabytes(free_bytes)} of {gigabytes(total_bytes)} GB free"


def gigabytes(size_bytes: int) -> str:
    """Return a size in gigabytes, with a digit after the point where it is small."""
    size = size_bytes / _GB
    return f"{size:.0f}" if size >= 10 else f"{size:.1f}"
