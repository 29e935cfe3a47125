"""What this machine has: processor, memory, disk, graphics processors."""

from modelnet.resource.machine.probe import look_at_machine

__all__ = ["look_at_machine"]
