"""`POST /modelnet/v1/pull` and `/deploy`: move a model and stream how far it is."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, TypeAlias, TypeVar

import msgspec

from modelnet.application.gateway.endpoint import EventStream, HttpRequest, Routes
from modelnet.core.error import InvalidRequestError
from modelnet.interaction.mover import Mover
from modelnet.interaction.transfer import Pulled
from modelnet.resource.copy.call import Progress

MOVE_S = 6 * 3600.0
"""A large model over a slow line takes hours; the client sees its progress and can leave."""

_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

T = TypeVar("T")


class PullOrder(msgspec.Struct, frozen=True):
    """The body of a request to pull."""

    model: _Name
    node: _Name | None = None
    """The one node to take it from: its id, the end of it, or its name."""
    serve: bool = True


class DeployOrder(msgspec.Struct, frozen=True):
    """The body of a request to deploy."""

    model: _Name
    to: _Name


def copy_routes(mover: Mover) -> Routes:
    """Return the endpoints that move models."""

    async def pull(request: HttpRequest) -> EventStream:
        order = _read(request.body, PullOrder)
        request.allow(MOVE_S)
        steps = mover.pull(order.model, of=order.node, is_to_be_served=order.serve)
        return EventStream(events=_events(steps))

    async def deploy(request: HttpRequest) -> EventStream:
        order = _read(request.body, DeployOrder)
        request.allow(MOVE_S)
        return EventStream(events=_events(mover.deploy(order.model, order.to)))

    return {("POST", "/modelnet/v1/pull"): pull, ("POST", "/modelnet/v1/deploy"): deploy}


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"The order cannot be read: {error}.") from error


async def _events(
    steps: AsyncGenerator[Progress | Pulled, None],
) -> AsyncGenerator[bytes, None]:
    async with aclosing(steps):
        async for step in steps:
            key = "pulled" if isinstance(step, Pulled) else "progress"
            yield b"data: " + msgspec.json.encode({key: step}) + b"\n\n"
    yield b"data: [DONE]\n\n"
