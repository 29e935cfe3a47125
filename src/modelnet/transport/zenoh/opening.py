"""Opening an engine session: ports, join addresses, and errors that say what to do."""

import logging

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

ATTEMPTS = 5
"""A free port may be taken by another process before the engine binds it."""

_log = logging.getLogger(__name__)


class Opened(msgspec.Struct, frozen=True):
    """An open session and where others can join through it."""

    session: zenoh.Session
    listen: tuple[str, ...]


async def open_session(settings: ZenohSettings) -> Opened:
    """Open a session that listens, and has joined if it was told whom.

    Raises:
        AddressError: an address is malformed or in use, or nobody answers at a join address.
    """
    scheme = "tcp" if settings.secrets is None else "tls"
    wanted = tuple(parse_endpoint(text, scheme) for text in _listen(settings, scheme))
    join = tuple(parse_endpoint(text, scheme) for text in settings.join)
    if settings.mode == "client" and not join:
        raise AddressError("A client needs the address of a gateway: give one with --join.")
    answering = await find_answering(join) if join else frozenset[Endpoint]()
    for _ in range(ATTEMPTS):
        listen = tuple(choose_port(endpoint) for endpoint in wanted)
        try:
            session = await _open(settings, listen, join, answering)
        except zenoh.ZError as error:
            if "in use" not in str(error):
                raise _address_error(error, settings) from error
            _log.debug("a free port was taken by someone else: %s", error)
        else:
            return Opened(session, tuple(str(reachable(endpoint)) for endpoint in listen))
    raise AddressError("No free port was found: choose one with --listen.")


async def _open(
    settings: ZenohSettings,
    listen: tuple[Endpoint, ...],
    join: tuple[Endpoint, ...],
    answering: frozenset[Endpoint],
) -> zenoh.Session:
    config = engine.configure(configuration(settings, listen, join, answering))
    # The thread is not abandoned on cancellation: no session opens that nobody would close.
    return await anyio.to_thread.run_sync(engine.open_session, config)


def _address_error(error: zenoh.ZError, settings: ZenohSettings) -> AddressError:
    cause = str(error).split(" at /")[0]
    if "Unable to connect" not in cause:
        return AddressError(f"The network cannot be opened: {cause}.")
    where = ", ".join(settings.join)
    if settings.secrets is None:
        return AddressError(f"{where} answers but does not speak the protocol: check the address.")
    return AddressError(f"{where} does not let this node in: check that the invitation is its own.")


def _listen(settings: ZenohSettings, scheme: str) -> tuple[str, ...]:
    if settings.mode == "client":
        return ()
    return settings.listen or (f"{scheme}/127.0.0.1:0",)
