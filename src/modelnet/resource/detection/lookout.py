"""Watching the usual ports of this machine for engines that come, go, and change their models."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import anyio
import msgspec

from modelnet.core.clock import Clock, system_clock
from modelnet.resource.detection.recognition import (
    NEEDS_KEY,
    OIP_INDEX,
    OIP_LISTS,
    OIP_NAME,
    PATHS,
    DetectedEngine,
    models_in,
    oip_server,
    recognise,
)

TIMEOUT_S = 0.3
"""For all engines together to accept a connection, and again to answer: here milliseconds do."""

DEFAULT_PORTS = (11434, 8080, 8000, 1234, 30000)
"""Ollama; llama.cpp, LocalAI, TGI, KServe; vLLM, Triton; LM Studio; SGLang."""

_FIRST_PAUSE_S = 4.0
_LONGEST_PAUSE_S = 60.0
"""Between two looks at a server that is no engine, or none yet; each pause is twice the last."""

_OF_A_NODE = b'"fault"'
"""In the errors of nodes like this one, and in nobody else's."""
_LARGEST_PAGE_BYTES = 4 * 1024 * 1024


async def detect_engines(
    ports: Iterable[int] = DEFAULT_PORTS, *, timeout_s: float = TIMEOUT_S
) -> list[DetectedEngine]:
    """Ask every port of this machine at once, and return the engines found, in order of ports.

    Other nodes of the network are not engines: they are left out.
    """
    return await Lookout(ports, timeout_s=timeout_s).look()


class Lookout:
    """Knows the engines of this machine, and asks those it knows for their list of models only."""

    def __init__(
        self,
        ports: Iterable[int] = DEFAULT_PORTS,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Clock = system_clock,
    ) -> None:
        """Know nothing yet of what listens at these ports of loopback."""
        self._ports = tuple(ports)
        self._clock = clock
        self._timeout_s = timeout_s
        self._known: dict[int, DetectedEngine] = {}
        self._strangers: dict[int, tuple[float, float]] = {}
        """When to look again at a port that is no engine's, and the pause after that."""

    async def look(self) -> list[DetectedEngine]:
        """Return the engines that are here now, in order of ports.

        One that is too busy to answer in time is still here; one whose port is closed is not.
        """
        taken, closed = await self._knock()
        for port in closed:
            self._known.pop(port, None)
            self._strangers.pop(port, None)
        now = self._clock()
        new = [port for port in taken if port not in self._known and self._is_due(port, now)]
        known = [port for port in taken if port in self._known]
        if new or known:
            async with _session() as session, anyio.create_task_group() as group:
                for port in new:
                    group.start_soon(self._meet, session, port)
                for port in known:
                    group.start_soon(self._revisit, session, port)
        return [self._known[port] for port in self._ports if port in self._known]

    async def _knock(self) -> tuple[list[int], list[int]]:
        """Return the ports where somebody listens, and those where nobody does.

        The HTTP client is slow to import: nobody waits for it where nobody listens.
        """
        taken: list[int] = []
        closed: list[int] = []

        async def knock(port: int) -> None:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    taken.append(port)
            except OSError:
                closed.append(port)

        with anyio.move_on_after(self._timeout_s):
            async with anyio.create_task_group() as group:
                for port in self._ports:
                    group.start_soon(knock, port)
        return taken, closed

    def _is_due(self, port: int, now: float) -> bool:
        return now >= self._strangers.get(port, (now, 0.0))[0]

    async def _meet(self, session: Any, port: int) -> None:
        """Find out who listens at a port."""
        url = f"http://127.0.0.1:{port}"
        pages: dict[str, bytes] = {}
        with anyio.move_on_after(self._timeout_s) as patience:
            await _read_all(session, url, pages)
        engine = recognise(url, pages)
        if engine is not None:
            self._known[port] = engine
            self._strangers.pop(port, None)
            return
        if port in self._known and patience.cancelled_caught:
            return
        self._known.pop(port, None)
        _, pause_s = self._strangers.get(port, (0.0, _FIRST_PAUSE_S))
        self._strangers[port] = (
            self._clock() + pause_s,
            min(2 * pause_s, _LONGEST_PAUSE_S),
        )

    async def _revisit(self, session: Any, port: int) -> None:
        """Ask a known engine for its models; forget one that is not what it was."""
        engine = self._known[port]
        if engine.needs_key:
            await self._meet(session, port)
            return
        pages: dict[str, bytes] = {}
        with anyio.move_on_after(self._timeout_s) as patience:
            await _read_pages(session, engine.url, engine.lists, pages)
        models = models_in(engine, pages)
        if models is not None:
            self._known[port] = msgspec.structs.replace(engine, models=models)
        elif not patience.cancelled_caught:
            del self._known[port]


@asynccontextmanager
async def _session() -> AsyncGenerator[Any]:
    import aiohttp

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def _read_all(session: Any, url: str, pages: dict[str, bytes]) -> None:
    """Read what tells engines apart; who speaks the Open Inference Protocol is asked for more."""
    async with anyio.create_task_group() as group:
        group.start_soon(_read_pages, session, url, PATHS[:-1], pages)
        await _read_pages(session, url, (OIP_NAME,), pages)
        if oip_server(pages) is not None:
            await _read_pages(session, url, OIP_LISTS, pages)


async def _read_pages(
    session: Any, url: str, paths: Iterable[str], pages: dict[str, bytes]
) -> None:
    """Note what is at some addresses, each as soon as it has come; nothing where it is an error."""

    async def read(path: str) -> None:
        pages[path] = await _page(session, url, path)

    async with anyio.create_task_group() as group:
        for path in paths:
            group.start_soon(read, path)


async def _page(session: Any, url: str, path: str) -> bytes:
    import aiohttp

    method = "POST" if path == OIP_INDEX else "GET"
    with suppress(aiohttp.ClientError, OSError):
        async with session.request(method, url + path, allow_redirects=False) as response:
            if response.status == HTTPStatus.OK:
                return await _body(response)
            if response.status == HTTPStatus.UNAUTHORIZED:
                return b"" if _OF_A_NODE in await _body(response) else NEEDS_KEY
    return b""


async def _body(response: Any) -> bytes:
    """Return the body; nothing of one that is larger than any list of models."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _LARGEST_PAGE_BYTES:
            return b""
    return bytes(body)
