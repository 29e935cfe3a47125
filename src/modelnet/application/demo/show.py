"""What a person sees of the demo; with `--json` it goes to standard error."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelnet.application.cli.output import console, printable
from modelnet.application.demo.result import (
    Asked,
    DemoResult,
    Side,
    accuracy_by_skill,
    percentile_ms,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Show:
    """Tells what happens, as it happens."""

    def __init__(self, *, is_aside: bool) -> None:
        """Speak on standard output, or aside: on standard error."""
        self._console = console(stderr=is_aside)

    def act(self, title: str) -> None:
        """Begin something new."""
        self._console.print()
        self._console.print(title, style="bold")

    def say(self, sentence: str) -> None:
        """Tell something."""
        self._console.print(f"  {printable(sentence)}")

    def type(self, text: str, *, style: str = "") -> None:
        """Show a piece of a line that goes on."""
        self._console.print(printable(text), end="", style=style)

    @contextmanager
    def waiting(self, what: str) -> "Generator[None]":
        """Show that something is being waited for."""
        with self._console.status(f"  {what}"):
            yield

    @contextmanager
    def counting(self, what: str, total: int) -> "Generator[Callable[[], None]]":
        """Show how far something has come; yields what to call after each step."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)

    def compare(
        self, alone: Sequence[Asked], together: Sequence[Asked], sides: tuple[Side, Side]
    ) -> None:
        """Show the table of the generalist against the network."""
        from rich.table import Table

        skills = accuracy_by_skill(together)
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 2))
        table.add_column("")
        for title in ("right", *skills, "p50 ms", "p95 ms", "Mparam x token"):
            table.add_column(title, justify="right")
        for title, asked, side in zip(
            ("zoo:general alone", "the network (auto)"), (alone, together), sides, strict=True
        ):
            shares = (f"{share:.0%}" for share in accuracy_by_skill(asked).values())
            times = (f"{side.p50_ms:.1f}", f"{percentile_ms(asked, 0.95):.1f}")
            table.add_row(title, f"{side.accuracy:.1%}", *shares, *times, f"{side.cost:.1f}")
        self._console.print(table)

    def end(self, result: DemoResult, broken: Sequence[str]) -> None:
        """Say how it went."""
        self._console.print()
        if broken:
            for sentence in broken:
                self._console.print(f"Not kept: {sentence}.", style="bold red")
            return
        self._console.print(
            f"{result.nodes} nodes, no centre, every promise kept. Start your own: `modelnet up`.",
            style="bold",
        )
