"""The hardware under a node, as the node tells it: what it has and what is free now."""

from typing import Annotated, TypeAlias

import msgspec

_Bytes: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
_Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=128)]

MIB = 1024**2

_SPARED_BYTES = 256 * MIB
"""What is left to the rest of the machine, of its memory and of its disk."""
_IN_MEMORY = 1.2
"""Memory a model takes for each byte of its file: weights, and a cache for what it reads."""
_STEPS = 32
_DISK_STEP_BYTES = 1024 * MIB


class Gpu(msgspec.Struct, frozen=True, omit_defaults=True):
    """A graphics processor."""

    name: _Name
    memory_bytes: _Bytes = 0
    free_bytes: _Bytes = 0
    busy: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """The share of time it worked lately."""


class Machine(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a node may use of its machine, limits of its container counted."""

    cpu: _Name = ""
    cores: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    memory_bytes: _Bytes = 0
    memory_free_bytes: _Bytes = 0
    """What programs can have without anything being swapped out."""
    disk_free_bytes: _Bytes = 0
    """Where the node keeps its data."""
    gpus: Annotated[tuple[Gpu, ...], msgspec.Meta(max_length=64)] = ()

    def has_room(self, size_bytes: int, *, on_disk_bytes: int | None = None) -> bool:
        """Whether a model whose file has so many bytes can be kept and run here.

        `on_disk_bytes` is what must still be written, where not the whole file. Memory of GPUs
        does not count: the engines a node brings along run on the processor.
        """
        to_write = size_bytes if on_disk_bytes is None else on_disk_bytes
        has_memory = size_bytes * _IN_MEMORY + _SPARED_BYTES <= self.memory_free_bytes
        return has_memory and (not to_write or to_write + _SPARED_BYTES <= self.disk_free_bytes)

    def rounded(self) -> "Machine":
        """Return the machine in steps coarse enough to be told to everybody when they change."""
        return msgspec.structs.replace(
            self,
            memory_free_bytes=_stepped(self.memory_free_bytes, self.memory_bytes // _STEPS),
            disk_free_bytes=_stepped(self.disk_free_bytes, _DISK_STEP_BYTES),
            gpus=tuple(_rounded(gpu) for gpu in self.gpus),
        )


def _rounded(gpu: Gpu) -> Gpu:
    free_bytes = _stepped(gpu.free_bytes, gpu.memory_bytes // _STEPS)
    return Gpu(gpu.name, gpu.memory_bytes, free_bytes, round(gpu.busy, 1))


def _stepped(size_bytes: int, step_bytes: int) -> int:
    """Return the whole steps in a size: never more than there is."""
    return size_bytes - size_bytes % step_bytes if step_bytes else size_bytes
