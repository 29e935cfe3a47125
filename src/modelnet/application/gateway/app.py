"""The gateway as an ASGI application: who may ask, where it goes, and how it ends."""

import logging
from contextlib import aclosing
from time import perf_counter

import anyio

from modelnet.application.gateway.access import Access
from modelnet.application.gateway.endpoint import HttpRequest, Reply, Routes, RouteTable
from modelnet.application.gateway.exchange import ClientGoneError, Exchange, Receive, Scope, Send
from modelnet.application.gateway.failure import too_late
from modelnet.application.gateway.meter import OTHER_ROUTE, Meter
from modelnet.core.error import AvailabilityError, ModelnetError

MAX_BODY_BYTES = 16 * 1024 * 1024

_TIME_LIMIT_S = 60.0
"""For a body to arrive, and for every endpoint that does not ask for more."""

_LAST_WORDS_S = 1.0
"""How long a client that was cut off has to read why."""

_log = logging.getLogger(__name__)


class Gateway:
    """Answers HTTP requests with the endpoints it was given."""

    def __init__(
        self, routes: Routes, *, access: Access, meter: Meter, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._routes = RouteTable(routes)
        self._access = access
        self._meter = meter
        self._max_body_bytes = max_body_bytes
        self._open: set[anyio.CancelScope] = set()
        self._is_closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = perf_counter()
        exchange = Exchange(scope, receive, send)
        route = OTHER_ROUTE
        try:
            self._access.check(exchange.path, exchange.headers)
            place = self._routes.find(exchange.method, exchange.path)
            route = place.path
            await self._serve(exchange, place.endpoint, place.tail)
        except ModelnetError as error:
            await exchange.fail(error)
        finally:
            self._meter.ended(route, exchange.status, perf_counter() - begun)

    def close(self) -> None:
        """End every answer under way, and every one that still comes; each client is told."""
        self._is_closing = True
        for scope in self._open:
            scope.cancel()

    async def _serve(self, exchange: Exchange, endpoint: Endpoint, tail: str) -> None:
        """Answer until the client leaves, the time is up or the gateway closes."""
        with anyio.move_on_after(_TIME_LIMIT_S) as scope:
            ...
