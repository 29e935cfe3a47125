"""The Network seam on eclipse-zenoh: real networks. Importing this package loads the engine."""

from modelnet.transport.zenoh.network import ZenohNetwork
from modelnet.transport.zenoh.settings import ZenohSettings

__all__ = ["ZenohNetwork", "ZenohSettings"]
