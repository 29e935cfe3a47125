"""A model on its way to this node, and those who wait for it."""

from collections.abc import AsyncGenerator

import anyio
import msgspec

from modelnet.core.error import ModelnetError
from modelnet.resource.copy.call import Progress


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """A model that came."""

    model: str
    digest: str
    size_bytes: int
    is_served: bool
    """Whether the node serves it now."""


class Transfer:
    """Goes on as long as anybody follows it."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self._progress: Progress | None = None
        self._changes = 0
        self._outcome: Pulled | ModelnetError | None = None
        self._followers = 0
        self._bell = anyio.Event()

    @property
    def is_over(self) -> bool:
        """Whether it came, or will not."""
        return self._outcome is not None or self.scope.cancel_called

    def tell(self, progress: Progress) -> None:
        """Note how far it is."""
        self._progress = progress
        self._changes += 1
        self._ring()

    def end(self, outcome: Pulled | ModelnetError) -> None:
        """Note how it ended."""
        self._outcome = outcome
        self._ring()

    async def follow(self) -> AsyncGenerator[Progress | Pulled, None]:
        """Yield how far it is whenever that changes, at last what came.

        Raises:
            ModelnetError: it will not come.
        """
        self._followers += 1
        told = 0
        try:
            while self._outcome is None:
                if self._progress is None or told == self._changes:
                    await self._bell.wait()
                else:
                    told = self._changes
                    yield self._progress
            if isinstance(self._outcome, ModelnetError):
                raise self._outcome
            yield self._outcome
        finally:
            self._followers -= 1
            if not self._followers and self._outcome is None:
                self.scope.cancel()

    def _ring(self) -> None:
        bell, self._bell = self._bell, anyio.Event()
        bell.set()
