"""The engines that are measured: each started, with its adapter and its direct way."""

import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from modelnet.application.demo.process import Fleet
from modelnet.resource.model import Model
from modelnet.resource.specification import model_from
from modelnet.testbed.bench.engine.direct import http_lane, http_request
from modelnet.testbed.bench.engine.measure import OpenLane, Pair

Start: TypeAlias = Callable[[Fleet, Path], AbstractAsyncContextManager[Pair]]
"""Starts an engine; the path is a folder for its files."""


class Contestant(NamedTuple):
    """An engine that can be measured where its packages are installed."""

    start: Start
    packages: tuple[str, ...] = ()
    """Modules it needs beyond those of a plain installation."""
    requests: int = 256
    """At most so many a turn: fewer where an answer takes long."""


@asynccontextmanager
async def started(model: Model | str) -> AsyncGenerator[Model]:
    """Yield a model while it runs."""
    model = model_from(model) if isinstance(model, str) else model
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


async def server_url(fleet: Fleet, name: str, *module: str) -> str:
    """Start a module that serves, and return the address at the end of its first line."""
    child = await fleet.start(name, [sys.executable, "-m", *module])
    return (await child.first_line()).decode().split()[-1]


def lane(url: str, body: Any, headers: Mapping[str, str] | None = None) -> OpenLane:
    """Return what asks a server the same each time."""
    request = http_request(url, body, headers)
    return lambda: http_lane(url, request)
