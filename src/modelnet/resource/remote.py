"""A peer's model as a Model: the network makes no difference to those who ask."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError
from modelnet.core.identity import NodeId
from modelnet.core.request import Request
from modelnet.resource.message import ModelCall, decode_chunk, encode
from modelnet.transport.network import Network


class RemoteModel:
    """A model of another node, asked through the Network."""

    def __init__(self, network: Network, node: NodeId, card: ModelCard) -> None:
        self._network = network
        self._node = node
        self._card = card

    @property
    def card(self) -> ModelCard:
        """The card the node announced."""
        return self._card

    async def start(self) -> None:
        """Nothing to load: the model runs at the other node."""

    async def stop(self) -> None:
        """Nothing to release: the model belongs to the other node."""

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Ask the node and yield its chunks, as `Model.run` says.

        The last one is yielded when the node has signed that this was the whole answer.

        Raises:
            PeerLostError: the node went away.
            EngineError: the reply is not a well-formed answer.
        """
        body = encode(ModelCall(self._card.name, request))
        last: Chunk | None = None
        async with aclosing(self._network.ask(self._node, body, deadline=deadline)) as pieces:
            async for piece in pieces:
                if last is not None:
                    raise EngineError(f"{self._card.name} went on after the end of its answer.")
                chunk = decode_chunk(piece)
                if chunk.finish is None:
                    yield chunk
                else:
                    last = chunk
        if last is None:
            raise EngineError(f"{self._card.name} ended its answer without saying why.")
        yield last
