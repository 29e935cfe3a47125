"""`POST /modelnet/v1/probe`: try everything that models claim, and stream what is found."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from modelnet.application.gateway.catalog import full_names
from modelnet.application.gateway.endpoint import EventStream, HttpRequest, Routes
from modelnet.core.error import InvalidRequestError
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.prober import Prober
from modelnet.resource.directory import Offer
from modelnet.service.ability import Speed
from modelnet.service.preference import PREFERENCES
from modelnet.service.selection import select

PROBE_S = 3600.0
"""Many slow models take long; the client sees what is found and can leave."""

COSTS_MONEY = "It costs money: name it to have it tried."


class ProbeOrder(msgspec.Struct, frozen=True):
    """The body of the request: a model, a model of one node, or all that cost nothing."""

    model: str | None = None


def probe_routes(coordinator: Coordinator, prober: Prober) -> Routes:
    """Return the endpoint that tries models."""

    async def probe(request: HttpRequest) -> EventStream:
        chosen = _chosen(_read(request.body), coordinator.offers())
        request.allow(PROBE_S)
        return EventStream(events=_events(prober, chosen))

    return {("POST", "/modelnet/v1/probe"): probe}


def _read(body: bytes) -> ProbeOrder:
    try:
        return msgspec.json.decode(body or b"{}", type=ProbeOrder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"The order to probe cannot be read: {error}.") from error


def _chosen(order: ProbeOrder, offers: Sequence[Offer]) -> list[tuple[str, Offer, bool]]:
    """Return the models to try: the name of each, the offer, and whether it was named."""
    is_named = order.model is not None and order.model.partition("@")[0] not in PREFERENCES
    wanted = {
        offer.key
        for choice in (() if order.model is None else select((order.model,), offers))
        for offer in choice.candidates
    }
    return [
        (name, offer, is_named)
        for name, offer in zip(full_names(offers), offers, strict=True)
        if order.model is None or offer.key in wanted
    ]


async def _events(
    prober: Prober, chosen: Sequence[tuple[str, Offer, bool]]
) -> AsyncGenerator[bytes, None]:
    for name, offer, is_named in chosen:
        if not offer.card.is_free and not is_named:
            yield _event(name, skipped=COSTS_MONEY)
            continue
        async with aclosing(prober.probe(offer)) as found:
            async for one in found:
                key = "speed" if isinstance(one, Speed) else "finding"
                yield _event(name, **{key: one})
    yield b"data: [DONE]\n\n"


def _event(name: str, **told: Any) -> bytes:
    return b"data: " + msgspec.json.encode({"id": name, **told}) + b"\n\n"
