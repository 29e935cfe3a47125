"""Who may fetch what over a bulk connection: tickets that are good once and for a short time. Pure.

Whoever connects shows the SHA-256 of the ticket's secret, not bytes of the other node's choice: so
no node can be made to say something of meaning to a server that is none of ours.
"""

import hashlib
import ipaddress
import re
from typing import Generic, TypeVar

import msgspec

SECRET_BYTES = 32
GREETING_BYTES = 32

GOOD_FOR_S = 10.0
MAX_OPEN = 256
"""Tickets that wait to be used; beyond it the oldest are forgotten."""

_ENDPOINT = re.compile(r"tcp/\[?(?P<host>[0-9a-fA-F:.]+)\]?:(?P<port>[0-9]{1,5})")

T = TypeVar("T")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """An IP address and a port where a node hands out bytes."""

    host: str
    port: int


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Where to connect, and the secret that lets one in."""

    places: tuple[Place, ...]
    secret: bytes

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Ticket({self.places!r})"


class Tickets(Generic[T]):
    """The tickets that were handed out and not used yet, and what each is good for."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[float, T]] = {}

    def issue(self, what: T, secret: bytes, now: float) -> None:
        """Note what a secret is good for from now on."""
        self._open = {key: one for key, one in self._open.items() if one[0] > now}
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._open[greeting(secret)] = (now + GOOD_FOR_S, what)

    def redeem(self, shown: bytes, now: float) -> T | None:
        """Return what is granted to who shows this, once."""
        until, what = self._open.pop(shown, (0.0, None))
        return what if until > now else None


def greeting(secret: bytes) -> bytes:
    """Return what is sent first over a bulk connection."""
    return hashlib.sha256(b"modelnet/1/bulk/" + secret).digest()


def hosts_of(endpoints: tuple[str, ...]) -> tuple[str, ...]:
    """Return the IP addresses at which a node listens in the open, each once."""
    found = (_ENDPOINT.fullmatch(endpoint) for endpoint in endpoints)
    hosts = (match["host"] for match in found if match is not None)
    return tuple(dict.fromkeys(host for host in hosts if _address(host) is not None))


def is_to_be_tried(place: Place, own_hosts: tuple[str, ...]) -> bool:
    """Whether to connect where another node says.

    Its loopback is ours only if this node is on loopback too: no node reaches into this machine
    by naming one of its ports.
    """
    address = _address(place.host)
    if address is None or not 0 < place.port < 1 << 16 or address.is_unspecified:
        return False
    own = [_address(host) for host in own_hosts]
    is_local = bool(own) and all(one is not None and one.is_loopback for one in own)
    return address.is_loopback == is_local and not address.is_multicast


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
