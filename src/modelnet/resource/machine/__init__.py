"""What this machine has: processor, memory, disk, graphics processors."""

from modelnet.resource.machine.probe import free_memory_bytes, look_at_machine, usable_threads

__all__ = ["free_memory_bytes", "look_at_machine", "usable_threads"]
