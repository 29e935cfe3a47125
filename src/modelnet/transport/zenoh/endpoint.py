"""Endpoints: read them, find free ports, and see whether somebody answers before it matters."""

import errno
import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import anyio
import msgspec

from modelnet.core.error import AddressError

JOIN_TIMEOUT_S = 2.5
"""How long a node that is asked to join tries: the other one may just be starting."""

KNOCK_TIMEOUT_S = 1.0

RETRY_S = 0.1

_PATTERN = re.compile(r"(tcp|tls)/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")

_REASONS = {
    errno.EADDRINUSE: "the port is in use, choose another or 0 for a free one",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "ports below 1024 need special rights",
    errno.ECONNREFUSED: "connection refused",
}


class Endpoint(msgspec.Struct, frozen=True):
    """A place to listen or to connect to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Return it as it is written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}/{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every interface of this machine."""
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


def parse_endpoint(text: str, scheme: str) -> Endpoint:
    """Read an endpoint like `tcp/127.0.0.1:7447`.

    Raises:
        AddressError: it is malformed, or its scheme does not fit the network.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        raise AddressError(f"{text!r} is no endpoint: write it like {scheme}/127.0.0.1:7447.")
    if match[1] != scheme:
        why = "with an invitation" if scheme == "tls" else "without an invitation"
        raise AddressError(
            f"{text!r} cannot be used {why}: write {scheme}/ instead of {match[1]}/."
        )
    return Endpoint(match[1], match[2].strip("[]"), int(match[3]))


def choose_port(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with a port that is free now.

    Raises:
        AddressError: the wanted port is in use, or the address is not of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            port: int = probe.getsockname()[1]
    except OSError as error:
        raise AddressError(f"Cannot listen on {endpoint}: {_reason(error)}.") from error
    return msgspec.structs.replace(endpoint, port=port)


async def find_answering(endpoints: tuple[Endpoint, ...]) -> frozenset[Endpoint]:
    """Return those endpoints where somebody answers, once there is one.

    Raises:
        AddressError: nobody answers for `JOIN_TIMEOUT_S`.
    """
    outcomes: dict[Endpoint, OSError | None] = {}
    with anyio.move_on_after(JOIN_TIMEOUT_S):
        while True:
            outcomes = await knock_all(endpoints)
            answering = frozenset(place for place, error in outcomes.items() if error is None)
            if answering:
                return answering
            await anyio.sleep(RETRY_S)
    told = "; ".join(f"{place}: {_reason(outcomes.get(place))}" for place in endpoints)
    raise AddressError(f"Nobody answers where this node is to join ({told}): is it up?")


async def knock_all(endpoints: Iterable[Endpoint]) -> dict[Endpoint, OSError | None]:
    """Connect to all at once and hang up; return why each failed, `None` where one answered."""
    outcomes: dict[Endpoint, OSError | None] = {}

    async def knock(endpoint: Endpoint) -> None:
        outcomes[endpoint] = await _knock(endpoint)

    async with anyio.create_task_group() as tasks:
        for endpoint in endpoints:
            tasks.start_soon(knock, endpoint)
    return outcomes


async def _knock(endpoint: Endpoint) -> OSError | None:
    try:
        with anyio.fail_after(KNOCK_TIMEOUT_S):
            stream = await anyio.connect_tcp(endpoint.host, endpoint.port)
    except OSError as error:
        return error.__cause__ if isinstance(error.__cause__, OSError) else error
    await stream.aclose()
    return None


def reachable(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint as others can reach it: a wildcard becomes this machine's address."""
    if not endpoint.is_wildcard:
        return endpoint
    is_ipv6 = ":" in endpoint.host
    family, far = (socket.AF_INET6, "2001:db8::1") if is_ipv6 else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only chooses the way out.
            probe.connect((far, 9))
            host = str(probe.getsockname()[0])
        except OSError:
            host = "::1" if is_ipv6 else "127.0.0.1"
    return msgspec.structs.replace(endpoint, host=host)


def _reason(error: OSError | None) -> str:
    if error is None or isinstance(error, TimeoutError):
        return "no answer"
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
