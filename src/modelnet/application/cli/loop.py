"""Runs a command's coroutine, and ends it cleanly when the process is told to stop."""

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import typer
from anyio.abc import TaskStatus

from modelnet.application.ungrouping import ungrouped

T = TypeVar("T")

TERMINATED = 128 + signal.SIGTERM


def run(main: Callable[[], Awaitable[T]], *, exit_code_when_stopped: int = TERMINATED) -> T:
    """Run `main` to its end; SIGTERM cancels it, and Ctrl-C does and raises KeyboardInterrupt.

    Raises:
        ModelnetError: whatever `main` raised, out of any task group.
        Exit: the process was told to stop.
    """
    with ungrouped():
        results = anyio.run(_run, main, backend_options={"use_uvloop": sys.platform != "win32"})
    if not results:
        raise typer.Exit(exit_code_when_stopped)
    return results[0]


async def _run(main: Callable[[], Awaitable[T]]) -> list[T]:
    results: list[T] = []
    async with anyio.create_task_group() as group:
        await group.start(_cancel_when_told, group.cancel_scope)
        results.append(await main())
        group.cancel_scope.cancel()
    return results


async def _cancel_when_told(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
