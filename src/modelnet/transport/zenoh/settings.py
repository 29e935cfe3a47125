"""Where and how a node joins a real network."""

import hashlib
from typing import Literal, TypeAlias

import msgspec

from modelnet.core.identity import NodeId
from modelnet.transport.link import LinkSecrets

Mode: TypeAlias = Literal["peer", "client", "router"]
"""`peer`: linked with every other peer. `client`: only connects out, to a router, which relays for
it. `router`: a peer that also relays for others, the gateway of a site."""

PROTOCOL_VERSION = 1


class ZenohSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One node's way into a network.

    Endpoints are `tcp/HOST:PORT`, or `tls/HOST:PORT` in a network with secrets; port 0 takes a
    free one. A client listens nowhere.
    """

    network: str = "default"
    mode: Mode = "peer"
    listen: tuple[str, ...] = ()
    """Empty: a free port of the loopback interface."""
    join: tuple[str, ...] = ()
    multicast: bool = True
    """Whether to find the others on the local network without being told an endpoint."""
    secrets: LinkSecrets | None = None

    @property
    def scheme(self) -> str:
        """How endpoints of the network begin."""
        return "tcp" if self.secrets is None else "tls"


class Keys:
    """The key expressions of one network, which begin with protocol version and network name."""

    def __init__(self, network: str) -> None:
        # Its digest, because not every name may stand in a key expression.
        digest = hashlib.sha256(network.encode()).hexdigest()[:32]
        self._prefix = f"modelnet/{PROTOCOL_VERSION}/{digest}"

    @property
    def state(self) -> str:
        """Where announcements are published."""
        return f"{self._prefix}/state"

    @property
    def tokens(self) -> str:
        """What every liveliness token of the network matches."""
        return f"{self._prefix}/here/*"

    def token(self, presence: str) -> str:
        """Return the liveliness token that shows a presence."""
        return f"{self._prefix}/here/{presence}"

    def inbox(self, node: NodeId) -> str:
        """Return where frames for a node are published."""
        return f"{self._prefix}/to/{node}"


def multicast_address(network: str) -> str:
    """Return the group where nodes of a network look for each other: its own, so far as 2^24 go."""
    digest = hashlib.sha256(f"modelnet/{PROTOCOL_VERSION}/{network}".encode()).digest()
    return f"239.{digest[0]}.{digest[1]}.{digest[2]}:7446"
