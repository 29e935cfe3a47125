"""Finding the engines that already run on this machine: Ollama, llama.cpp, vLLM and others.

All of them speak OpenAI's API; what tells them apart is which addresses of their own they answer.
"""

from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple

import anyio
import msgspec

TIMEOUT_S = 0.3
"""For all engines together to accept a connection, and again to answer: here milliseconds do."""

DEFAULT_PORTS = (11434, 8080, 8000, 1234)
"""Ollama; llama.cpp and LocalAI; vLLM; LM Studio."""

OTHER = "OpenAI-compatible"


class _Mark(NamedTuple):
    """An address that only one engine answers, and a word in its answer."""

    engine: str
    path: str
    word: bytes


# The first match names the engine. Some answer 200 at addresses they do not know: hence the words.
_MARKS = (
    _Mark("llama.cpp", "/props", b'"default_generation_settings"'),
    _Mark("Ollama", "/api/tags", b'"models"'),
    _Mark("LM Studio", "/api/v0/models", b'"data"'),
    _Mark("LocalAI", "/readyz", b"OK"),
    _Mark("vLLM", "/version", b'"version"'),
)


class DetectedEngine(msgspec.Struct, frozen=True):
    """A server on this machine, and the models it offers."""

    engine: str
    url: str
    models: tuple[str, ...]

    @property
    def specifications(self) -> tuple[str, ...]:
        """What to give `--model` for each of its models."""
        return tuple(f"openai:{self.url}#{model}" for model in self.models)


class _Listed(msgspec.Struct):
    id: str
    owned_by: str = ""


class _Listing(msgspec.Struct):
    data: list[_Listed] | None = None


async def detect_engines(
    ports: Iterable[int] = DEFAULT_PORTS, *, timeout_s: float = TIMEOUT_S
) -> list[DetectedEngine]:
    """Ask every port of this machine at once, and return the engines found, in order of ports.

    Other nodes of the network are not engines: they are left out.
    """
    ports = tuple(ports)
    found: dict[int, DetectedEngine] = {}
    taken: list[int] = []
    with anyio.move_on_after(timeout_s):
        await _knock_at(ports, taken)
    if taken:
        await _look_at(taken, found, timeout_s)
    return [found[port] for port in ports if port in found]


async def _knock_at(ports: Iterable[int], taken: list[int]) -> None:
    """Note the ports at which anybody listens: the HTTP client is slow to import for nobody."""

    async def knock(port: int) -> None:
        with suppress(OSError):
            async with await anyio.connect_tcp("127.0.0.1", port):
                taken.append(port)

    async with anyio.create_task_group() as group:
        for port in ports:
            group.start_soon(knock, port)


async def _look_at(
    ports: Iterable[int], found: dict[int, DetectedEngine], timeout_s: float
) -> None:
    # Slow to import: that must not use up the time the engines have.
    import aiohttp

    with anyio.move_on_after(timeout_s):
        await _look_with(aiohttp, ports, found)


async def _look_with(aiohttp: Any, ports: Iterable[int], found: dict[int, DetectedEngine]) -> None:
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        anyio.create_task_group() as group,
    ):
        for port in ports:
            group.start_soon(_look, session, port, found)


async def _look(session: Any, port: int, found: dict[int, DetectedEngine]) -> None:
    """Note the engine at a port once it lists models, and its name as soon as that is known."""
    url = f"http://127.0.0.1:{port}"
    listing = await _get(session, f"{url}/v1/models")
    try:
        listed = msgspec.json.decode(listing or b"", type=_Listing).data or []
    except msgspec.DecodeError:
        return
    if any(entry.owned_by == "modelnet" for entry in listed):
        return
    seen: set[_Mark] = set()

    async def check(mark: _Mark) -> None:
        if mark.word in (await _get(session, url + mark.path) or b""):
            seen.add(mark)
        engine = next((mark.engine for mark in _MARKS if mark in seen), OTHER)
        found[port] = DetectedEngine(engine, url, tuple(entry.id for entry in listed))

    async with anyio.create_task_group() as group:
        for mark in _MARKS:
            group.start_soon(check, mark)


async def _get(session: Any, url: str) -> bytes | None:
    """Return what is at an address, and nothing where nobody answers well."""
    import aiohttp

    with suppress(aiohttp.ClientError, OSError):
        async with session.get(url, allow_redirects=False) as response:
            if response.status == HTTPStatus.OK:
                return await response.read()
    return None
