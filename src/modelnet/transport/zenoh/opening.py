"""Opening an engine session: ports, join addresses, and errors that say what to do."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import msgspec
import zenoh

from modelnet.core.error import AddressError
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.configuration import configuration
from modelnet.transport.zenoh.endpoint import (
    Endpoint,
    choose_port,
    find_answering,
    parse_endpoint,
    reachable,
)
from modelnet.transport.zenoh.settings import ZenohSettings

CLOSE_TIMEOUT_S = 2.0

ATTEMPTS = 5
"""A free port may be taken by another process before the engine binds it."""

_log = logging.getLogger(__name__)


class Opened(msgspec.Struct, frozen=True):
    """An open session and where others can join through it."""

    session: zenoh.Session
    listen: tuple[Endpoint, ...]


async def open_session(settings: ZenohSettings) -> Opened:
    """Open a session that listens, and has joined if it was told whom.

    Raises:
        AddressError: an address is malformed or in use, or nobody answers at a join address.
    """
    scheme = settings.scheme
    wanted = tuple(parse_endpoint(text, scheme) for text in _listen(settings))
    join = tuple(parse_endpoint(text, scheme) for text in settings.join)
    if settings.mode == "client" and not join:
        raise AddressError("A client needs the address of a gateway: give one with --join.")
    answering = await find_answering(join) if join else frozenset[Endpoint]()
    for _ in range(ATTEMPTS):
        listen = tuple(choose_port(endpoint) for endpoint in wanted)
        try:
            session = await _open(configuration(settings, listen, join, answering))
        except zenoh.ZError as error:
            if "in use" not in str(error):
                raise _address_error(error, settings) from error
            _log.debug("a free port was taken by someone else: %s", error)
        else:
            return Opened(session, tuple(map(reachable, listen)))
    raise AddressError("No free port was found: choose one with --listen.")


@asynccontextmanager
async def introducing(settings: ZenohSettings, endpoints: list[Endpoint]) -> AsyncGenerator[None]:
    """Tell the nodes at these endpoints of each other for as long as the context is open.

    Keep it short: a session that closes while one of its links is dead holds up the engine.
    """
    tree = configuration(settings, (), tuple(endpoints), frozenset())
    tree |= {"mode": "peer", "scouting/multicast/enabled": False}
    session = await _open_if_possible(tree)
    try:
        yield
    finally:
        if session is not None:
            await close_session(session)


async def _open_if_possible(tree: dict[str, Any]) -> zenoh.Session | None:
    try:
        return await _open(tree)
    except zenoh.ZError as error:
        _log.debug("could not introduce nodes to each other: %s", error)
        return None


async def close_session(session: zenoh.Session) -> None:
    """Close a session and all it declared, even while being cancelled."""
    with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        try:
            await anyio.to_thread.run_sync(engine.close, session, abandon_on_cancel=True)
        except zenoh.ZError as error:
            # A dead link may not take the goodbye; its other end finds out by the lease.
            _log.debug("a session did not close cleanly: %s", error)


async def _open(tree: dict[str, Any]) -> zenoh.Session:
    # The thread is not abandoned on cancellation: no session opens that nobody would close.
    return await anyio.to_thread.run_sync(engine.open_session, engine.configure(tree))


def _listen(settings: ZenohSettings) -> tuple[str, ...]:
    if settings.mode == "client":
        return ()
    return settings.listen or (f"{settings.scheme}/127.0.0.1:0",)


def _address_error(error: zenoh.ZError, settings: ZenohSettings) -> AddressError:
    cause = str(error).split(" at /")[0]
    if "Unable to connect" not in cause:
        return AddressError(f"The network cannot be opened: {cause}.")
    where = ", ".join(settings.join)
    if settings.secrets is None:
        return AddressError(f"{where} answers but does not speak the protocol: check the address.")
    return AddressError(f"{where} does not let this node in: check that the invitation is its own.")
