"""The gateway on a socket: uvicorn's HTTP protocol, without its signal handlers and polling."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

import anyio
import anyio.lowlevel

from modelnet.application.gateway.access import Access
from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.app import Gateway
from modelnet.application.gateway.endpoint import Routes
from modelnet.application.gateway.meter import Gauges, Meter
from modelnet.application.gateway.oip.door import BODY_LIMITS
from modelnet.application.gateway.route import routes_of
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import AddressError, SettingsError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from uvicorn import Config
    from uvicorn.server import ServerState

    from modelnet.application.gateway.connection import Connection

_LAST_PORT = 65535
_BACKLOG = 2048
_KEEP_ALIVE_S = 75
_GOODBYE_S = 1.0
"""How long clients have to take the ends of their answers when the gateway stops."""


class Address(NamedTuple):
    """Where the gateway listens. Port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 0


@asynccontextmanager
async def serve_gateway(
    answering: Answering,
    listen: Address | socket.socket = Address(),  # noqa: B008  an immutable value
    *,
    keys: Sequence[str] = (),
    routes: Routes | None = None,
    registry: "CollectorRegistry | None" = None,
    gauges: Gauges | None = None,
    clock: Clock = system_clock,
) -> AsyncGenerator[str, None]:
    """Serve the OpenAI API while the context is open; yields the URL, like `http://127.0.0.1:80`.

    `routes` adds endpoints, or replaces those of the same method and path; `gauges` adds metrics.
    A socket given is bound, and closed at the end. Leaving the context ends every answer under way
    and tells its client.

    Raises:
        AddressError: the address is in use, not of this machine, or not an address.
        SettingsError: it can be reached from other machines and no key is set, or a key is bad.
    """
    bound = listen if isinstance(listen, socket.socket) else await bind(listen)
    try:
        host, port = bound.getsockname()[:2]
        _check_exposure(host, keys)
        meter = Meter(registry)
        if gauges is not None:
            meter.watch(gauges)
        gateway = Gateway(
            {**routes_of(answering, meter, clock), **(routes or {})},
            access=Access(keys, hosts=(host,)),
            meter=meter,
            body_limits=BODY_LIMITS,
        )
        async with serving(gateway, bound):
            yield _url(host, port)
    finally:
        bound.close()


async def bind(address: Address) -> socket.socket:
    """Return a socket bound to `address`.

    Raises:
        AddressError: it is in use, not of this machine, or not an address.
    """
    if not 0 <= address.port <= _LAST_PORT:
        raise AddressError(f"{address.port} is not a port; choose one up to {_LAST_PORT}.")
    try:
        found = await anyio.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise AddressError(
            f"{address.host}:{address.port} is not an address of this machine; listen on 127.0.0.1."
        ) from error
    # `localhost` may stand for both; programs that know only one know 127.0.0.1.
    family, kind, protocol, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        # Two sockets may be bound to one port; only listening settles whose it is.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _cannot_listen(address, error) from error
    bound.setblocking(False)
    return bound


def _cannot_listen(address: Address, error: OSError) -> AddressError:
    if error.errno == errno.EADDRINUSE:
        return AddressError(
            f"Port {address.port} on {address.host} is in use; choose another with --port, or any "
            "free one with --port 0."
        )
    if error.errno == errno.EACCES:
        return AddressError(
            f"Port {address.port} is reserved for the administrator; choose one above 1023 with "
            "--port."
        )
    return AddressError(
        f"{address.host}:{address.port} cannot be listened on ({error.strerror}); listen on "
        "127.0.0.1."
    )


def _check_exposure(host: str, keys: Sequence[str]) -> None:
    if not keys and not ipaddress.ip_address(host).is_loopback:
        raise SettingsError(
            f"Listening on {host} lets other machines in and needs a bearer key; set one with "
            "MODELNET_API_KEYS, or listen on 127.0.0.1."
        )


def _url(host: str, port: int) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  a key, not a bind
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


@asynccontextmanager
async def serving(gateway: Gateway, bound: socket.socket) -> AsyncGenerator[None, None]:
    """Serve `gateway` on a socket that listens, while the context is open."""
    from uvicorn.server import ServerState

    from modelnet.application.gateway.connection import Connection

    config = _config(gateway)
    state = ServerState()
    listener = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, state), sock=bound, backlog=_BACKLOG
    )
    try:
        yield
    finally:
        listener.close()
        with anyio.CancelScope(shield=True):
            await _say_goodbye(gateway, state)


def _config(gateway: Gateway) -> "Config":
    from uvicorn import Config

    config = Config(
        gateway,
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    return config


async def _say_goodbye(gateway: Gateway, state: "ServerState") -> None:
    everyone_left = anyio.Event()

    def note_departure() -> None:
        if not state.connections:
            everyone_left.set()

    for connection in tuple(state.connections):
        cast("Connection", connection).departures.add(note_departure)
        connection.shutdown()
    gateway.close()
    with anyio.move_on_after(_GOODBYE_S):
        if state.connections:
            await everyone_left.wait()
        if state.tasks:
            await asyncio.wait(tuple(state.tasks))
    for connection in tuple(state.connections):
        connection.transport.abort()
    for task in tuple(state.tasks):
        task.cancel()
    # Closed transports report it to their protocols one turn of the loop later.
    await anyio.lowlevel.checkpoint()
