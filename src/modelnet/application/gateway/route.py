"""Every path the gateway serves, and what is behind it."""

from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.catalog import Catalog
from modelnet.application.gateway.endpoint import (
    Endpoint,
    HttpRequest,
    Reply,
    Routes,
    json_reply,
)
from modelnet.application.gateway.meter import Meter
from modelnet.application.gateway.oip.door import OpenInferenceDoor
from modelnet.application.gateway.openai.door import OpenAIDoor
from modelnet.application.gateway.operation.door import OperationDoor
from modelnet.core.clock import Clock


def routes_of(answering: Answering, meter: Meter, clock: Clock) -> Routes:
    """Return the endpoints of a gateway in front of `answering`."""
    door = OpenAIDoor(answering, meter, clock)
    catalog = Catalog(answering, created_at=clock())
    return {
        **OperationDoor(answering, meter, clock).routes,
        **OpenInferenceDoor(answering, meter, clock).routes,
        ("POST", "/v1/chat/completions"): door.chat,
        ("POST", "/v1/completions"): door.complete,
        ("POST", "/v1/embeddings"): door.embed,
        ("GET", "/v1/models"): catalog.models,
        ("GET", "/v1/models/{id}"): catalog.model,
        ("GET", "/modelnet/v1/nodes"): catalog.nodes,
        ("GET", "/modelnet/v1/models"): catalog.offers,
        ("GET", "/healthz"): _health,
        ("GET", "/metrics"): _metrics_of(meter),
    }


async def _health(_: HttpRequest) -> Reply:
    return json_reply({"status": "ok"})


def _metrics_of(meter: Meter) -> Endpoint:
    async def metrics(_: HttpRequest) -> Reply:
        body, media_type = meter.exposition()
        return Reply(body=body, media_type=media_type)

    return metrics
