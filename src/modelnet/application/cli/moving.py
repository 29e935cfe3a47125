"""What `pull` and `deploy` share: the bar, and what is told at the end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from modelnet.application.cli.output import console, printable, write, write_json
from modelnet.application.reply import MoveEvent
from modelnet.core.error import PeerLostError
from modelnet.interaction.transfer import Pulled

if TYPE_CHECKING:
    from rich.progress import Progress


async def to_the_end(events: AsyncGenerator[MoveEvent, None], doing: str) -> Pulled:
    """Show how far it is and return what came.

    Raises:
        PeerLostError: the node said nothing of an end.
    """
    async with aclosing(events):
        with _bar() as bar:
            task = bar.add_task(printable(doing), total=None)
            async for event in events:
                if (told := event.progress) is not None:
                    bar.update(task, completed=told.done_bytes, total=told.of_bytes)
                if event.pulled is not None:
                    return event.pulled
    raise PeerLostError("The node did not say how it ended: ask again, it goes on where it was.")


def tell(pulled: Pulled, sentence: str, *, as_json: bool) -> None:
    """Print what came."""
    if as_json:
        write_json(pulled)
    else:
        write(f"{sentence} ({pulled.size_bytes / 1e6:.1f} MB, {pulled.digest[:16]}).")


def _bar() -> "Progress":
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    from rich.progress import TimeRemainingColumn as Remaining

    terminal = console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        Remaining(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
