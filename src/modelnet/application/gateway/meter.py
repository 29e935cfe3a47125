"""What the gateway counts for Prometheus. Labels come from the route table and small sets only."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from modelnet.core.chunk import Usage
from modelnet.core.request import Operation

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

OTHER_ROUTE = "other"
"""The label of everything that has no route: paths are the client's to invent, labels are not."""

CLIENT_GONE = 499
"""The status counted for a client that left before its answer was whole."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Gauged(NamedTuple):
    """A figure that somebody else keeps."""

    told: str
    """What it is."""
    value: float


Gauges: TypeAlias = Callable[[], Mapping[str, Gauged]]
"""Returns figures by their names, as they are now."""


class Meter:
    """Counts requests, first chunks, tokens, open streams and failovers."""

    def __init__(self, registry: "CollectorRegistry | None" = None) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            ProcessCollector,
        )

        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
        self._registry = registry
        requests = Counter(
            "modelnet_http_requests", "HTTP requests.", ("route", "status"), registry=registry
        )
        request_s = Histogram(
            "modelnet_http_request_seconds",
            "Seconds from a request to the end of its response.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        first_chunk_s = Histogram(
            "modelnet_first_chunk_seconds",
            "Seconds from a task to the first chunk of its answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        tokens = Counter(
            "modelnet_tokens", "Tokens read and written.", ("kind",), registry=registry
        )
        # Looking a label up takes longer than counting; there are few, so each is kept.
        self._requests = cache(requests.labels)
        self._request_s = cache(request_s.labels)
        self._first_chunk_s = cache(first_chunk_s.labels)
        self._prompt_tokens = tokens.labels("prompt")
        self._completion_tokens = tokens.labels("completion")
        self._streams = Gauge(
            "modelnet_open_streams", "Streamed answers under way.", registry=registry
        )
        self._failovers = Counter(
            "modelnet_failovers", "Answers another model took over midway.", registry=registry
        )

    def ended(self, route: str, status: int, seconds: float) -> None:
        """Count a request that ended."""
        self._requests(route, status).inc()
        self._request_s(route).observe(seconds)

    def began(self, operation: Operation, seconds: float) -> None:
        """Count the first chunk of an answer."""
        self._first_chunk_s(operation).observe(seconds)

    def used(self, usage: Usage) -> None:
        """Count the tokens of an answer."""
        self._prompt_tokens.inc(max(0, usage.prompt_tokens))
        self._completion_tokens.inc(max(0, usage.completion_tokens))

    def failed_over(self) -> None:
        """Count an answer that another model took over."""
        self._failovers.inc()

    def stream_opened(self) -> None:
        """Count a streamed answer under way."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """Stop counting a streamed answer."""
        self._streams.dec()

    def watch(self, gauges: Gauges) -> None:
        """Also tell of these figures."""
        self._registry.register(_Watched(gauges))

    def exposition(self) -> tuple[bytes, bytes]:
        """Return every figure in Prometheus' text form, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST.encode()


class _Watched:
    """Asks for figures when they are told; `prometheus_client` calls it a collector."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """Yield every figure."""
        from prometheus_client.core import GaugeMetricFamily

        for name, (told, value) in self._gauges().items():
            yield GaugeMetricFamily(name, told, value=value)
