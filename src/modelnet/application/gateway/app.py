"""The gateway as an ASGI application: who may ask, where it goes, and how it ends."""

import logging
from collections.abc import Mapping
from time import perf_counter

import anyio

from modelnet.application.gateway.access import Access
from modelnet.application.gateway.endpoint import (
    EventStream,
    HttpRequest,
    Place,
    Reply,
    Routes,
    RouteTable,
)
from modelnet.application.gateway.exchange import ClientGoneError, Exchange, Receive, Scope, Send
from modelnet.application.gateway.failure import HttpError
from modelnet.application.gateway.meter import OTHER_ROUTE, Meter
from modelnet.core.error import AvailabilityError, DeadlineError, ModelnetError

MAX_BODY_BYTES = 16 * 1024 * 1024

_TIME_LIMIT_S = 60.0
"""For a body to arrive, and for every endpoint that does not ask for more."""

_LAST_WORDS_S = 0.5
"""How long a client that was cut off has to read why."""

_log = logging.getLogger(__name__)


class Gateway:
    """Answers HTTP requests with the endpoints it was given."""

    def __init__(
        self,
        routes: Routes,
        *,
        access: Access,
        meter: Meter,
        max_body_bytes: int = MAX_BODY_BYTES,
        body_limits: Mapping[str, int] | None = None,
        time_limit_s: float = _TIME_LIMIT_S,
    ) -> None:
        """Serve `routes`; `body_limits` are for paths, as routes have them, with another limit."""
        self._routes = RouteTable(routes)
        self._access = access
        self._meter = meter
        self._max_body_bytes = max_body_bytes
        self._body_limits = body_limits or {}
        self._time_limit_s = time_limit_s
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
            await self._serve(exchange, place)
        except ModelnetError as error:
            await exchange.fail(error)
        finally:
            self._meter.ended(route, exchange.status, perf_counter() - begun)

    def close(self) -> None:
        """End every answer under way, and every one that still comes; each client is told."""
        self._is_closing = True
        for limits in self._open:
            limits.cancel()

    async def _serve(self, exchange: Exchange, place: Place) -> None:
        """Answer until the client leaves, the time is up or the gateway closes."""
        if self._is_closing:
            raise self._cut_off(exchange)
        with anyio.move_on_after(self._time_limit_s) as limits, exchange.until_gone(limits.cancel):
            self._open.add(limits)
            try:
                await self._respond(exchange, place, limits)
            finally:
                self._open.discard(limits)
        if exchange.is_over:
            return
        with anyio.move_on_after(_LAST_WORDS_S):
            await exchange.fail(self._cut_off(exchange))
        if not exchange.is_over:
            exchange.abort()

    async def _respond(self, exchange: Exchange, place: Place, limits: anyio.CancelScope) -> None:
        def allow(seconds: float) -> None:
            limits.deadline = anyio.current_time() + seconds

        try:
            request = HttpRequest(
                path=exchange.path,
                headers=exchange.headers,
                query=exchange.query,
                tail=place.tail,
                body=await exchange.body(self._body_limits.get(place.path, self._max_body_bytes)),
                owner=self._access.owner(exchange.headers),
                allow=allow,
            )
            response = await place.endpoint(request)
            if isinstance(response, Reply):
                await exchange.reply(response)
            else:
                await self._stream(exchange, response)
        except ModelnetError as error:
            await exchange.fail(error)
        except ClientGoneError:
            return
        # The boundary between this node and its clients: whatever goes wrong in one request is
        # logged here and must not reach the others.
        except Exception:  # noqa: BLE001
            _log.exception("%s %s failed", exchange.method, exchange.path)
            await exchange.fail(ModelnetError("This node failed to answer; its log says why."))

    async def _stream(self, exchange: Exchange, stream: EventStream) -> None:
        self._meter.stream_opened()
        try:
            await exchange.stream(stream)
        finally:
            self._meter.stream_closed()

    def _cut_off(self, exchange: Exchange) -> ModelnetError:
        if self._is_closing:
            return AvailabilityError("This node is shutting down; ask again, or ask another node.")
        if not exchange.has_arrived:
            return HttpError(
                408,
                f"The request did not arrive within {self._time_limit_s:.0f} s; send it again.",
                code="request_timeout",
                headers=((b"connection", b"close"),),
            )
        return DeadlineError(
            "The answer was not whole when its time was up; give it more with "
            "`modelnet.deadline_s`."
        )
