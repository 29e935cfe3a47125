"""Asking a model server: requests out, answers whole or streamed back, failures in our words.

Redirects are not followed, cookies not kept, proxies not used: a key goes to its server alone.
"""

import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import EngineError
from modelnet.resource.backend.guard import Lifetime, deadline_passed
from modelnet.resource.backend.http.decoding import ANY, decoded
from modelnet.resource.backend.http.failure import error_of_status
from modelnet.resource.backend.http.head import fields, fixed_fields, request_head, secrets_in
from modelnet.resource.backend.http.pool import Pool
from modelnet.resource.backend.http.response import BrokenError, ExpiredError, Response

MAX_BODY_BYTES = 1 << 28
"""Of an answer that is read whole."""

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
JSON: Mapping[str, str] = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


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
        """Speak to the server at `root` on behalf of a model; `headers` go with every request.

        Raises:
            SettingsError: a header, like that of the key, would break out of its line.
        """
        self._root = root
        self._name = name
        self._lifetime = lifetime
        self._clock = clock
        self._fixed = fixed_fields(urlsplit(root).netloc, headers or {})
        self._secrets = secrets_in(headers or {})
        self._pool: Pool | None = None

    def open(self, connections: int | None = None) -> None:
        """Make the pool of at most so many connections; none is opened yet."""
        self._pool = Pool(self._root, connections)

    async def close(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
            await anyio.lowlevel.checkpoint()  # The event loop closes their sockets.

    async def reopen(self, connections: int) -> None:
        """Go on with another number of connections at most, once it is known."""
        await self.close()
        self.open(connections)

    @asynccontextmanager
    async def starting(self, connections: int | None = None) -> AsyncGenerator[None, None]:
        """Open, and let the model's life begin; both end again where the block fails."""
        self.open(connections)
        self._lifetime.begin()
        try:
            yield
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the model's life, its answers under way and all connections."""
        self._lifetime.end()
        with anyio.CancelScope(shield=True):
            await self.close()

    async def get(self, url: str, deadline: float) -> Any:
        """Return the JSON at an address.

        Raises:
            ModelnetError: the server cannot be reached, refused or has no JSON there.
        """
        raw = self.accepted(await self.exchange("GET", url, deadline, headers={}))
        return decoded(self._name, raw, ANY)

    async def post(self, url: str, body: Any, deadline: float) -> bytes:
        """Return the whole answer to a request whose body is `body` as JSON.

        Raises:
            ModelnetError: the server cannot be reached, refused or failed.
        """
        raw = msgspec.json.encode(body)
        return self.accepted(await self.exchange("POST", url, deadline, body=raw))

    async def post_json(self, url: str, body: Any, deadline: float) -> Any:
        """Return the answer to a request as JSON.

        Raises:
            ModelnetError: the server refused, failed or answered with something else.
        """
        return decoded(self._name, await self.post(url, body, deadline), ANY)

    async def exchange(
        self,
        method: str,
        url: str,
        deadline: float,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] = JSON,
    ) -> Answer:
        """Return the whole answer to any request, whatever its status; see `accepted`.

        Raises:
            EngineError: the server cannot be reached, or broke off.
            DeadlineError: the deadline (Unix seconds) passed first.
        """
        pool, head = self._asking(method, url, body, headers)
        with self._waiting(deadline):
            connection = await pool.ask(head, body)
            try:
                return await _whole(connection.response)
            finally:
                pool.done(connection)

    def accepted(self, answer: Answer) -> bytes:
        """Return the body of an answer whose status is 200.

        Raises:
            ModelnetError: what any other status means.
        """
        if answer.status == HTTPStatus.OK:
            return answer.body
        retry_after, told = answer.headers.get("retry-after"), self._hide(answer.body)
        raise error_of_status(self._name, answer.status, told, retry_after, self._clock())

    async def stream(
        self, url: str, body: Any, deadline: float, *, media_type: str = EVENTS
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a stream as they come; closing it closes the connection.

        Raises:
            ModelnetError: the server refused or failed.
        """
        raw = msgspec.json.encode(body)
        pool, head = self._asking("POST", url, raw, JSON)
        with self._waiting(deadline):
            connection = await pool.ask(head, raw)
        try:
            await self._check(connection.response, media_type, deadline)
            with self._failing(), connection.response.within(deadline - self._clock()):
                while piece := await connection.response.read():
                    yield self._hide(piece)
        finally:
            pool.done(connection)

    async def _check(self, response: Response, media_type: str, deadline: float) -> None:
        if response.status != HTTPStatus.OK:
            with self._waiting(deadline):
                refusal = await _whole(response)
            self.accepted(refusal)
        found = response.headers.get("content-type", "no type").partition(";")[0].strip().lower()
        if found != media_type:
            raise EngineError(
                f"{self._name} answered with {found[:100]} where {media_type} is due; "
                "ask another model."
            )

    def _asking(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[Pool, bytes]:
        """Return the connections and the head of a request.

        Raises:
            EngineError: the model is not running, or the address is another server's.
        """
        if self._pool is None:
            raise EngineError(f"The model {self._name} is not running; start it first.")
        target = url.removeprefix(self._root)
        if target == url or not target.startswith("/"):
            raise EngineError(f"{url} is not at {self._root}; nothing is sent elsewhere.")
        return self._pool, request_head(method, target, self._fixed, fields(headers), len(body))

    def _hide(self, said: bytes) -> bytes:
        """Return what a server said without the key: some quote it when they refuse it."""
        for secret in self._secrets:
            said = said.replace(secret, b"***")
        return said

    @contextmanager
    def _waiting(self, deadline: float) -> Generator[None, None, None]:
        """Bound a wait by the deadline, and by the end of the model."""
        with self._failing(), self._lifetime.wait(deadline):
            yield

    @contextmanager
    def _failing(self) -> Generator[None, None, None]:
        """Turn what happens to connections into our errors."""
        try:
            yield
        except ExpiredError as error:
            raise deadline_passed(self._name) from error
        except BrokenError as error:
            raise EngineError(f"{self._name} broke off: {error}; ask again.") from error
        except ssl.SSLError as error:
            raise EngineError(
                f"{self._name} at {self._root} does not prove who it is ({error.reason}); "
                "check its certificate."
            ) from error
        except OSError as error:
            raise EngineError(
                f"{self._name} cannot be reached at {self._root}; is its server running?"
            ) from error


async def _whole(response: Response) -> Answer:
    return Answer(response.status, response.headers, await response.whole(MAX_BODY_BYTES))
