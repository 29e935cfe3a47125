"""A stand-in on a port of this machine."""

from collections.abc import Callable
from typing import Self

from aiohttp import web

STAND_IN = "X-Modelnet-Stand-In"
"""The header by which every answer says what it is."""


class Service:
    """Serves an application on loopback between `start` and `stop`; `async with` does both."""

    def __init__(self, make: Callable[[], web.Application], what: str, port: int = 0) -> None:
        """`make` it, call it `what` in every answer; port 0 takes any free one."""
        self._make = make
        self._what = what
        self._port = port
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        app = self._make()
        app.on_response_prepare.append(self._sign)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self._runner = runner
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Cut every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _sign(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers[STAND_IN] = self._what

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut every connection."""
        await self.stop()
