"""The Model seam: what a node serves. Every back-end, and every peer's model, is one of these.

Implementations: `modelnet.resource.backend.*` and `modelnet.resource.remote`. All pass
`tests/conformance/test_model.py`.
"""

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.load import EngineLoad
from modelnet.core.request import Request


@runtime_checkable
class Model(Protocol):
    """Something that answers requests, chunk by chunk."""

    @property
    def card(self) -> ModelCard:
        """What this model is and which operations it has; known once started."""
        ...

    async def start(self) -> None:
        """Load weights, connect, probe: whatever must happen once before the first request.

        Raises:
            ModelFileError: the file is missing or corrupt.
            EngineError: the engine cannot be reached or does not speak its protocol.
        """
        ...

    def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request. The last chunk, and only it, carries `finish` and `usage`.

        A request with a `partial` answer is continued: chunks hold only what comes after it.
        Close the generator (`contextlib.aclosing`) to stop the work. `deadline` is Unix seconds.

        Raises:
            UnsupportedError: the operation or kind of input is not on the card.
            ContextTooLongError: prompt and answer do not fit.
            OverloadedError: no place is free.
            EngineError: the engine failed or answered garbage.
            DeadlineError: the deadline passed.
        """
        ...

    async def stop(self) -> None:
        """Release everything; answers under way end with an `EngineError` or `PeerLostError`."""
        ...


@runtime_checkable
class Shared(Protocol):
    """A Model whose engine others may ask, too: one more thing that it may be able to tell."""

    async def engine_load(self, deadline: float) -> EngineLoad:
        """Return what the engine says of its requests, this node's included.

        Raises:
            ModelnetError: it does not say, or not in time.
        """
        ...
