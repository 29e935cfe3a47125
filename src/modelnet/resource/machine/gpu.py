"""NVIDIA's graphics processors, by NVML. Where there is no driver, NVML is not even imported."""

from pathlib import Path
from typing import Any

from modelnet.core.machine import Gpu

_DRIVER = (
    Path("/proc/driver/nvidia/version"),
    Path("/dev/nvidiactl"),
    Path("/usr/lib/wsl/lib/libnvidia-ml.so.1"),
)

_LONGEST_NAME = 128


def has_driver() -> bool:
    """Whether a driver of NVIDIA's is loaded."""
    return any(path.exists() for path in _DRIVER)


def look_at_gpus() -> tuple[Gpu, ...]:
    """Return the graphics processors; none where driver or NVML is absent or broken."""
    if not has_driver():
        return ()
    try:
        import pynvml
    except ImportError:
        return ()
    return read_gpus(pynvml)


def read_gpus(nvml: Any) -> tuple[Gpu, ...]:
    """Return what NVML (the module `pynvml`, or one like it) tells of each processor.

    Blocks as long as the driver does: milliseconds, and more where a card is broken.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        return tuple(_gpu(nvml, number) for number in range(nvml.nvmlDeviceGetCount()))
    except nvml.NVMLError:
        return ()
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, number: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(number)
    name = nvml.nvmlDeviceGetName(handle)
    # NVML of before 2022 gave bytes.
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    total, free = _memory(nvml, handle)
    return Gpu(text[:_LONGEST_NAME], total, free, _busy(nvml, handle))


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError:
        # Processors that share the machine's memory have none of their own to tell of.
        return 0, 0
    return int(memory.total), int(memory.free)


def _busy(nvml: Any, handle: Any) -> float:
    try:
        percent = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    except nvml.NVMLError:
        # Not told of processors divided into instances.
        return 0.0
    return min(1.0, max(0.0, percent / 100))
