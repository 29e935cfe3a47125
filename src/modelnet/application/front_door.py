"""The URL of a node: its gateway with all the doors, at the port that was asked for or is free."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from modelnet.application.cache_route import cache_gauges, cache_routes
from modelnet.application.compose import Parts
from modelnet.application.copy_route import copy_routes
from modelnet.application.exam_route import exam_routes
from modelnet.application.probe_route import probe_routes
from modelnet.application.settings import DEFAULT_PORT, Settings
from modelnet.core.clock import Clock
from modelnet.core.error import AddressError

PORTS_TRIED = 20


@asynccontextmanager
async def front_door(parts: Parts, settings: Settings, clock: Clock) -> AsyncGenerator[str]:
    """Answer HTTP until the context ends; yield the base URL for OpenAI clients.

    Raises:
        AddressError: the port is taken, or the address is none of this machine's.
    """
    from modelnet.application.gateway.feedback.door import FeedbackDoor
    from modelnet.application.gateway.server import serve_gateway

    async with serve_gateway(
        parts.answering,
        await _bind(settings),
        keys=settings.api_keys,
        routes={
            **exam_routes(parts.coordinator, parts.examiner),
            **probe_routes(parts.coordinator, parts.prober),
            **copy_routes(parts.mover),
            **FeedbackDoor(parts.answering, parts.store).routes,
            **cache_routes(parts.recaller),
        },
        gauges=cache_gauges(parts.recaller),
        clock=clock,
    ) as origin:
        yield f"{origin}/v1"


async def _bind(settings: Settings) -> socket.socket:
    """Take the port asked for; when none was, the usual one or the next that is free."""
    from modelnet.application.gateway.server import Address, bind

    if settings.port is not None:
        return await bind(Address(settings.host, settings.port))
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        with suppress(AddressError):
            return await bind(Address(settings.host, port))
    return await bind(Address(settings.host, 0))
