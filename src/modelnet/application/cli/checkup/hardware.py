"""Checks of the hardware for `modelnet doctor`: processor, memory, disk, graphics processors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelnet.application.cli.checkup.finding import Finding, hint, ok, warn
from modelnet.application.cli.hardware import cores, gigabytes, memory, told_of_gpu
from modelnet.core.machine import Gpu, Machine

LEAST_MEMORY_BYTES = 1 << 30
"""Below this the zoo still runs, and hardly anything else."""

_GPU_EXTRA = "python -m pip install 'ai-modelnet[gpu]'"


def check_hardware(data_dir: Path) -> Iterator[Finding]:
    """Tell what there is, and what of it a node cannot use."""
    from modelnet.resource.machine import look_at_machine
    from modelnet.resource.machine.gpu import has_driver

    machine = look_at_machine(data_dir)
    yield from findings(machine)
    yield gpu_finding(
        machine.gpus, has_driver=has_driver(), has_nvml=_has_nvml(), offloads=_can_offload()
    )


def findings(machine: Machine) -> Iterator[Finding]:
    """Return what there is to say of processor, memory and disk."""
    yield ok("processor", f"{machine.cpu}, {cores(machine.cores)} usable")
    told = memory(machine.memory_free_bytes, machine.memory_bytes)
    if machine.memory_free_bytes < LEAST_MEMORY_BYTES:
        yield warn("memory", f"only {told}", "ps aux --sort=-rss | head")
    else:
        yield ok("memory", told)
    yield ok("disk", f"{gigabytes(machine.disk_free_bytes)} GB free for models")


def gpu_finding(
    gpus: tuple[Gpu, ...], *, has_driver: bool, has_nvml: bool, offloads: bool
) -> Finding:
    """Return what there is to say of graphics processors."""
    if not has_driver:
        return ok("gpu", "none with a driver of NVIDIA's")
    if not has_nvml:
        return hint(
            "gpu", "a driver of NVIDIA's is here; what it drives is not looked at", _GPU_EXTRA
        )
    if not gpus:
        return warn("gpu", "a driver of NVIDIA's is here and tells of no processor", "nvidia-smi")
    told = ", ".join(told_of_gpu(gpu) for gpu in gpus)
    if offloads:
        return ok("gpu", told)
    # `modelnet up` finds that server by itself.
    return hint("gpu", f"{told}; the llama.cpp inside does not use it", "llama-server -m FILE.gguf")


def _has_nvml() -> bool:
    from importlib.util import find_spec

    return find_spec("pynvml") is not None


def _can_offload() -> bool:
    """Whether the embedded llama.cpp was built to use a graphics processor that is here."""
    try:
        import xllamacpp
    except (ImportError, OSError):
        return False
    library: Any = xllamacpp  # It ships without type information.
    devices = library.get_device_info()
    return any(str(device["type"]).rpartition("_")[2] in {"GPU", "IGPU"} for device in devices)
