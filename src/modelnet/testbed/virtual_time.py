"""An event loop whose time jumps to the next timer: an hour of waiting passes in milliseconds.

Simulations run on it unchanged; whatever asks the loop or `virtual_clock` for the time gets
simulated time. Work in threads is invisible to such a loop: keep it out of simulations.
"""

import asyncio
import math
import selectors
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

EPOCH = 1_800_000_000.0
"""Unix seconds when a simulation begins (January 2027): constant, so that runs can be repeated."""


class StalledError(RuntimeError):
    """Nothing is ready and no timer is set: the simulation waits for what can never come."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the next timer, says that its time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StalledError(
                "The simulation is stalled: every task waits and no timer is set. Look for an"
                " event nobody sets, or a wait that should have a deadline."
            )
        self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._jumping.now

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a call; one at infinity (`anyio.sleep_forever`) never comes and is no timer."""
        if when == math.inf:
            return asyncio.TimerHandle(when, callback, args, self, context)
        return super().call_at(when, callback, *args, context=context)


def virtual_clock() -> float:
    """Return Unix seconds as the running loop counts them: the `Clock` of a simulation."""
    return EPOCH + asyncio.get_running_loop().time()


def run_virtual(main: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
    """Run an async function on virtual time and return what it returns.

    Raises:
        StalledError: it waits for what can never come.
    """

    async def run() -> T:
        return await main(*args)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())
