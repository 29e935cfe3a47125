"""uvicorn's HTTP protocol, which also says when the client leaves, and can cut it off."""

from collections.abc import Callable

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from modelnet.application.gateway.exchange import LINK


class Connection(HttpToolsProtocol):
    """One client's connection; the application finds it in the ASGI scope.

    ASGI tells of a client that left only to a task that waits for it. A call back is told at once
    and costs nothing: a task for each request would be half of what a short answer costs.
    """

    def __init__(self, config: Config, state: ServerState) -> None:
        super().__init__(config, state, {LINK: self})
        self.departures: set[Callable[[], None]] = set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for this client that it is gone."""
        super().connection_lost(exc)
        for told in tuple(self.departures):
            told()

    def abort(self) -> None:
        """Drop the connection with all that the client has not read."""
        self.transport.abort()
