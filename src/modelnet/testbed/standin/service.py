"""A stand-in on a port of this machine, and the models behind it."""

from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Protocol, Self

from aiohttp import web

from modelnet.testbed.standin.engine import Engine

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


class Loadable(Protocol):
    """A model of a stand-in."""

    @property
    def engine(self) -> Engine:
        """What runs it."""
        ...

    async def open(self) -> None:
        """Load it."""
        ...


class StandIn:
    """Models behind a service: loaded before it listens, unloaded after the last connection is cut.

    `async with` starts and stops it.
    """

    def __init__(self, service: Service, models: Collection[Loadable]) -> None:
        self._service = service
        self._loadable = models
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it listens, once started."""
        return self._service.url

    @property
    def is_busy(self) -> bool:
        """Whether any model is at work."""
        return any(model.engine.is_busy for model in self._loadable)

    async def start(self) -> None:
        """Load the models and listen."""
        for model in self._loadable:
            await model.open()
            self._stack.push_async_callback(model.engine.close)
        await self._stack.enter_async_context(self._service)

    async def stop(self) -> None:
        """Cut every connection and unload the models."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        """Load the models and listen."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut every connection and unload the models."""
        await self.stop()
