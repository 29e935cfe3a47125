"""The connection to a model server: pooled, without redirects, cookies or proxies."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
import anyio
import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import EngineError, ModelnetError
from modelnet.resource.backend.guard import Lifetime
from modelnet.resource.backend.http.failure import error_of_status
from modelnet.resource.backend.mailbox import PACE_S

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 300.0
"""A server that says nothing for so long has hung, whatever the deadline."""

CONNECTIONS = 256

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"

EAGER_READS = 16
"""Reads of one answer without a pause: short ones are as fast as they can be."""


class Client:
    """Speaks to one server. Every wait lies within the lifetime of the model it serves."""

    def __init__(
        self,
        root: str,
        name: str,
        lifetime: Lifetime,
        clock: Clock,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Speak to the server at `root` on behalf of a model; `headers` go with every request."""
        self._root = root
        self._name = name
        self._lifetime = lifetime
        self._clock = clock
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make the pool of connections; none is opened yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
            ),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, deadline: float) -> Any:
        """Return the JSON at an address.

        Raises:
            EngineError: the server cannot be reached or has no JSON there.
        """
        return self._decode(await self._whole("GET", url, None, deadline))

    async def post(self, url: str, body: dict[str, Any], deadline: float) -> bytes:
        """Return the whole answer to a request.

        Raises:
            ModelnetError: the server refused or failed.
        """
        return await self._whole("POST", url, body, deadline)

    async def post_json(self, url: str, body: dict[str, Any], deadline: float) -> Any:
        """Return the answer to a request as JSON.

        Raises:
            ModelnetError: the server refused, failed or answered with something else.
        """
        return self._decode(await self._whole("POST", url, body, deadline))

    async def stream(
        self, url: str, body: dict[str, Any], deadline: float, *, media_type: str = EVENTS
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a stream as they come; closing it closes the connection.

        Raises:
            ModelnetError: the server refused or failed.
        """
        response = await self._send("POST", url, body, deadline)
        try:
            if response.content_type != media_type:
                raise EngineError(
                    f"{self._name} answered with {response.content_type} where {media_type} is "
                    "due; ask another model."
                )
            reads = 0
            while raw := await self._next(response, deadline):
                yield raw
                reads += 1
                if reads > EAGER_READS:
                    # A long answer of a fast engine: what gathers meanwhile is one piece.
                    with self._lifetime.wait(deadline):
                        await anyio.sleep(PACE_S)
        finally:
            response.close()

    async def _next(self, response: aiohttp.ClientResponse, deadline: float) -> bytes:
        with self._failing(), self._lifetime.wait(deadline):
            return await response.content.readany()

    async def _whole(
        self, method: str, url: str, body: dict[str, Any] | None, deadline: float
    ) -> bytes:
        response = await self._send(method, url, body, deadline)
        try:
            with self._failing(), self._lifetime.wait(deadline):
                return await response.read()
        finally:
            response.close()

    async def _send(
        self, method: str, url: str, body: dict[str, Any] | None, deadline: float
    ) -> aiohttp.ClientResponse:
        """Return the response once its head is there and says that all is well."""
        with self._failing(), self._lifetime.wait(deadline):
            try:
                response = await self._request(method, url, body)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # A pooled connection that the server had closed meanwhile; a fresh one is good.
                response = await self._request(method, url, body)
        if response.status != HTTPStatus.OK:
            raise await self._refusal(response, deadline)
        return response

    async def _request(
        self, method: str, url: str, body: dict[str, Any] | None
    ) -> aiohttp.ClientResponse:
        return await self._pool().request(
            method,
            url,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
            # A redirect could carry the key to another host.
            allow_redirects=False,
        )

    async def _refusal(self, response: aiohttp.ClientResponse, deadline: float) -> ModelnetError:
        try:
            with self._failing(), self._lifetime.wait(deadline):
                body = await response.read()
        finally:
            response.close()
        retry_after = response.headers.get("Retry-After")
        return error_of_status(self._name, response.status, body, retry_after, self._clock())

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineError(f"The model {self._name} is not running; start it first.")
        return self._session

    def _decode(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise EngineError(f"{self._name} answered garbage; ask another model.") from error

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        """Turn what aiohttp raises into our errors."""
        try:
            yield
        except aiohttp.ClientConnectorError as error:
            raise EngineError(
                f"{self._name} cannot be reached at {self._root}; is its server running?"
            ) from error
        except TimeoutError as error:
            raise EngineError(f"{self._name} has fallen silent; ask another model.") from error
        except aiohttp.ClientError as error:
            raise EngineError(f"{self._name} broke off ({error}); ask again.") from error
