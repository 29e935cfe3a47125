"""An endpoint: a function from a request to a reply or a stream of events; and where each is."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from modelnet.application.gateway.failure import HttpError

Header: TypeAlias = tuple[bytes, bytes]

EVENTS = b"text/event-stream; charset=utf-8"
LINES = b"application/x-ndjson"
"""Media types of streams: server-sent events, or a JSON value a line."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose body has arrived and whose sender may ask."""

    path: str
    headers: dict[bytes, bytes]
    """Names are in lower case."""
    allow: Callable[[float], None]
    """Gives the whole response this many seconds from now."""
    query: bytes = b""
    tail: str = ""
    """What the `{...}` in the route's path stands for here."""
    body: bytes = b""
    owner: str = ""
    """Whose key it came with, where there are keys."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response."""

    body: bytes
    status: int = 200
    media_type: bytes = b"application/json"
    headers: tuple[Header, ...] = ()


class EventStream(msgspec.Struct, frozen=True, kw_only=True):
    """A response of server-sent events, or of lines. It is closed when the client leaves.

    The status is 200 once the first event is there; an error before it is an ordinary reply.
    """

    events: AsyncGenerator[bytes, None]
    headers: tuple[Header, ...] = ()
    media_type: bytes = EVENTS


Endpoint: TypeAlias = Callable[[HttpRequest], Awaitable[Reply | EventStream]]

Routes: TypeAlias = Mapping[tuple[str, str], Endpoint]
"""Endpoints by method and path; one `{name}` in a path stands for anything, slashes included."""


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
        self._open: dict[tuple[str, str], dict[str, Endpoint]] = {}
        self._written: dict[tuple[str, str], str] = {}
        for (method, path), endpoint in routes.items():
            prefix, brace, rest = path.partition("{")
            if not brace:
                self._exact.setdefault(path, {})[method] = endpoint
                continue
            ends = prefix, rest.partition("}")[2]
            self._open.setdefault(ends, {})[method] = endpoint
            self._written[ends] = path
        # What says most about a path is tried first.
        self._by_length = sorted(self._open, key=lambda ends: -len(ends[0] + ends[1]))

    def find(self, method: str, path: str) -> Place:
        """Return the endpoint for a method and path.

        Raises:
            HttpError: there is no such path (404), or not with that method (405).
        """
        endpoints, written, tail = self._at(path)
        endpoint = endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted(endpoints))
            raise HttpError(
                405,
                f"{path} does not take {method}; use {allowed}.",
                code="method_not_allowed",
                headers=((b"allow", allowed.encode()),),
            )
        return Place(endpoint, written, tail)

    def _at(self, path: str) -> tuple[dict[str, Endpoint], str, str]:
        """Return the endpoints at a path, the path as their route has it, and the tail."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, path, ""
        for ends in self._by_length:
            prefix, suffix = ends
            tail = path[len(prefix) : len(path) - len(suffix)]
            if tail and path == prefix + tail + suffix:
                return self._open[ends], self._written[ends], tail
        raise HttpError(
            404,
            f"There is nothing at {path[:200]}; the OpenAI API is under /v1, for example "
            "/v1/chat/completions.",
            code="unknown_path",
        )
