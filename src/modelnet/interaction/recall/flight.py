"""Equal questions at once: the later ones wait for the answer to the first."""

from collections.abc import Generator
from contextlib import contextmanager

import anyio

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError

PATIENCE_S = 30.0
"""An answer that takes longer is asked for once more: whoever reads it may read slowly."""


class Flight:
    """A question that is being answered."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.is_over = False
        """Whether it was answered, or there is no answer: waiting for another is in vain, too."""
        self._has_landed = anyio.Event()

    @property
    def has_landed(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._has_landed.is_set()

    def land(self, *, is_over: bool = True) -> None:
        """Let those who wait look again."""
        self.is_over = self.is_over or is_over
        self._has_landed.set()

    async def wait(self, most_s: float) -> None:
        """Return when it has landed, or after so many seconds."""
        with anyio.move_on_after(max(0.0, most_s)):
            await self._has_landed.wait()


class Flights:
    """The questions under way, by their keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: dict[bytes, Flight] = {}

    def ahead(self, exact: bytes) -> Flight | None:
        """Return the flight of an equal question that is worth waiting for."""
        flight = self._under_way.get(exact)
        if flight is None or flight.has_landed:
            return None
        return flight if self._clock() - flight.began < PATIENCE_S else None

    async def turn(self, exact: bytes, deadline: float) -> bool:
        """Wait for the equal questions ahead, if any; return whether there were some.

        When one is given up by its asker, the first in the queue asks, and the others wait for
        that. Half of the time up to the deadline is left, to ask after all.
        """
        has_waited = False
        latest = (self._clock() + deadline) / 2.0
        while (flight := self.ahead(exact)) is not None and self._clock() < latest:
            has_waited = True
            await flight.wait(min(flight.began + PATIENCE_S, latest) - self._clock())
            if flight.is_over:
                break
        return has_waited

    @contextmanager
    def leading(self, exact: bytes) -> Generator[Flight]:
        """Have equal questions wait for this one, until it is answered or given up."""
        flight = Flight(self._clock())
        self._under_way[exact] = flight
        try:
            yield flight
        except ModelnetError:
            flight.land()
            raise
        finally:
            # A late one was followed by another, which is not ours to end.
            if self._under_way.get(exact) is flight:
                del self._under_way[exact]
            flight.land(is_over=False)
