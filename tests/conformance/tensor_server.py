"""A model of another node, asked as Triton's clients ask: at the gateway of that node."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

from modelnet.application.node import Node
from modelnet.application.settings import Settings
from modelnet.resource.backend.oip import OpenInferenceModel, oip_endpoint
from modelnet.resource.model import Model
from modelnet.transport.memory import MemoryHub, MemoryNetwork
from modelnet.trust.envelope import Envelope
from modelnet.trust.key import NodeKey
from tests.conformance.standins import BehindStandIn
from tests.conformance.typed import typed_function


class TensorServer:
    """A whole node with one model, on a port of loopback."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._stack = AsyncExitStack()
        self.url = ""

    async def start(self) -> None:
        key = NodeKey.generate()
        node = Node(
            Settings(name="far", exams=False, port=0),
            models=[self._model],
            network=MemoryNetwork(MemoryHub(), Envelope(key, time.time), time.time),
            key=key,
        )
        await self._stack.enter_async_context(node)
        assert node.url is not None
        self.url = node.url.removesuffix("/v1")

    async def stop(self) -> None:
        await self._stack.aclose()


def tensor_server(folder: Path) -> Model:
    near = typed_function(folder)
    made = BehindStandIn(
        TensorServer(near), lambda url: OpenInferenceModel(oip_endpoint(f"{url}#both"))
    )
    made.sums = near.sums
    return made
