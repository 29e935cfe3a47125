"""`GET /modelnet/v1/cache`: how the answers that are told again do; and the same as metrics."""

from collections.abc import Mapping

from modelnet.application.gateway.endpoint import HttpRequest, Reply, Routes, json_reply
from modelnet.application.gateway.meter import Gauged, Gauges
from modelnet.interaction.recall.count import RecallStatus
from modelnet.interaction.recall.recaller import Recaller

PATH = "/modelnet/v1/cache"


def cache_routes(recaller: Recaller | None) -> Routes:
    """Return the endpoint; where nothing is told again it says so."""

    async def status(_: HttpRequest) -> Reply:
        return json_reply(RecallStatus() if recaller is None else recaller.status)

    return {("GET", PATH): status}


def cache_gauges(recaller: Recaller | None) -> Gauges | None:
    """Return the figures for Prometheus; nothing where nothing is told again."""
    return None if recaller is None else lambda: _gauges(recaller)


def _gauges(recaller: Recaller) -> Mapping[str, Gauged]:
    status = recaller.status
    gauges = {
        "entries": Gauged("Answers that may be told again.", status.entries),
        "bytes": Gauged("About what they take in memory.", status.size_bytes),
        "asked": Gauged("Questions whose answers may be kept.", status.asked),
        "exact": Gauged("Answered from the same question.", status.exact),
        "near": Gauged("Answered from a question near by.", status.near),
        "waited": Gauged("Waited for an equal question under way.", status.waited),
        "fetched": Gauged("Answers asked for beforehand.", status.fetched),
        "fetched_used": Gauged("Of these, wanted since.", status.fetched_used),
        "given_up": Gauged("Asked for beforehand in vain.", status.given_up),
    }
    if (trust := status.trust) is not None:
        gauges |= {
            "checks": Gauged("Near questions whose answers were compared.", trust.checks),
            "wrong": Gauged("Of these, with another answer.", trust.wrong),
            "wrong_rate_low": Gauged("Least rate of these.", trust.rate_low),
            "wrong_rate_high": Gauged("Greatest rate of these.", trust.rate_high),
        }
    return {f"modelnet_cache_{name}": gauge for name, gauge in gauges.items()}
