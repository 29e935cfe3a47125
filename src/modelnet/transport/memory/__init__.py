"""A Network inside one process, whose links can be slow, lossy, cut, frozen or crashed at will.

Everything random is drawn from one seed and all time is the event loop's: on a
`modelnet.testbed.virtual_time` loop a run repeats exactly and takes no time.
"""

from modelnet.transport.memory.hub import MemoryHub
from modelnet.transport.memory.line import LineProfile
from modelnet.transport.memory.network import MemoryNetwork

__all__ = ["LineProfile", "MemoryHub", "MemoryNetwork"]
