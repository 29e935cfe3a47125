"""An endpoint: a function from a request to a reply or a stream of events; and where each is."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from modelnet.application.gateway.failure import HttpError

Header: TypeAlias = tuple[bytes, bytes]


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose body has arrived and whose sender may ask."""

    path: str
    headers: dict[bytes, bytes]
    """Names are in lower case."""
    allow: Callable[[float], None]
    """Gives the whole response this many seconds from now."""
    query: bytes = b""
    tail: str = ""
    """What the `{...}` at the end of the route's path stands for here."""
    body: bytes = b""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response."""

    body: bytes
    status: int = 200
    media_type: bytes = b"application/json"
    headers: tuple[Header, ...] = ()


class EventStream(msgspec.Struct, frozen=True, kw_only=True):
    """A response of server-sent events. It is closed when the client leaves.

    The status is 200 once the first event is there; an error before it is an ordinary reply.
    """

    events: AsyncGenerator[bytes, None]
    headers: tuple[Header, ...] = ()


Endpoint: TypeAlias = Callable[[HttpRequest], Awaitable[Reply | EventStream]]

Routes: TypeAlias = Mapping[tuple[str, str], Endpoint]
"""Endpoints by method and path; `{name}` at the end of a path stands for all that follows."""


class Place(NamedTuple):
    """Where a request goes: its endpoint, the path as the route has it, and the tail."""

    endpoint: Endpoint
    path: str
    tail: str


def json_reply(value: Any, *, status: int = 200, headers: tuple[Header, ...] = ()) -> Reply:
    """Return a reply that holds `value` as JSON."""
    return Reply(body=msgspec.json.encode(value), status=status, headers=headers)


class RouteTable:
    """Finds the endpoint of a request."""

    def __init__(self, routes: Routes) -> None:
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._prefixed: dict[str, dict[str, Endpoint]] = {}
        self._written: dict[str, str] = {}
        for (method, path), endpoint in routes.items():
            prefix, brace, _ = path.partition("{")
            places = self._prefixed if brace else self._exact
            places.setdefault(prefix, {})[method] = endpoint
            self._written[prefix] = path

    def find(self, method: str, path: str) -> Place:
        """Return the endpoint for a method and path.

        Raises:
            HttpError: there is no such path (404), or not with that method (405).
        """
        prefix, endpoints = self._at(path)
        endpoint = endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted(endpoints))
            raise HttpError(
                405,
                f"{path} does not take {method}; use {allowed}.",
                code="method_not_allowed",
                headers=((b"allow", allowed.encode()),),
            )
        return Place(endpoint, self._written[prefix], path[len(prefix) :])

    def _at(self, path: str) -> tuple[str, dict[str, Endpoint]]:
        exact = self._exact.get(path)
        if exact is not None:
            return path, exact
        for prefix, endpoints in self._prefixed.items():
            if path.startswith(prefix) and len(path) > len(prefix):
                return prefix, endpoints
        raise HttpError(
            404,
            f"There is nothing at {path[:200]}; the OpenAI API is under /v1, for example "
            "/v1/chat/completions.",
            code="unknown_path",
        )
