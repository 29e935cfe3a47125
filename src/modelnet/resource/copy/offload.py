"""Where blocking work on files is done: in a thread, or at once in simulations of virtual time."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar, TypeVarTuple

import anyio.to_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Offload(Protocol):
    """Runs a blocking function and returns what it returns."""

    def __call__(self, function: Callable[[*Ts], T], /, *args: *Ts) -> Awaitable[T]:
        """Run it."""
        ...


async def in_thread(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Run it in a thread, to its end even if nobody waits for it any more."""
    return await anyio.to_thread.run_sync(partial(function, *args))


async def inline(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Run it at once: for event loops on virtual time, to which threads are invisible."""
    return function(*args)
