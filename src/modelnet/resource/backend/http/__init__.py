"""HTTP to the servers models run on: addresses and keys, the connection, streams, refusals."""

from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.http.pool import SPARE_CONNECTIONS

__all__ = ["SPARE_CONNECTIONS", "Client", "Endpoint", "endpoint_from"]
