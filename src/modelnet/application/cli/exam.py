"""`modelnet exam`: have a model examined now, and see what it got right."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from modelnet.application.address import NodeAddress
from modelnet.application.cli.asking import find_node
from modelnet.application.cli.loop import run
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.application.client import open_client
from modelnet.application.reply import ExamEvent
from modelnet.core.error import PeerLostError
from modelnet.core.standing import Standing, Tally

if TYPE_CHECKING:
    from rich.progress import Progress

_COLUMNS = (
    Column("SKILL"),
    Column("RIGHT", is_number=True),
    Column("OF", is_number=True),
    Column("SHARE", is_number=True),
)


def exam(
    model: Annotated[str, typer.Argument(help="The model, or `model@node`.", metavar="MODEL")],
    skill: Annotated[
        list[str] | None,
        typer.Option(
            "--skill",
            metavar="SKILL",
            help="Skill to ask about, repeatable; else all that the model claims.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[
        int, typer.Option("--questions", metavar="N", min=1, max=1000, help="Questions a skill.")
    ] = 20,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="N", help="Ask the same questions again.", show_default=False
        ),
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", metavar="S", min=1, max=3600, help="Seconds for the whole exam."),
    ] = 600.0,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ask a model questions with known answers and grade it."""
    address = find_node(url, data_dir)
    standing = run(lambda: _held(address, model, skill, questions, seed, timeout_s))
    if as_json:
        write_json({"standing": standing, "share": _shares(standing)})
        return
    write_table(_COLUMNS, _rows(standing))
    write(
        f"\n{standing.model}: {standing.latency_s * 1000:.0f} ms and "
        f"{standing.tokens_per_answer:.1f} tokens an answer."
    )


async def _held(
    address: NodeAddress,
    model: str,
    skills: list[str] | None,
    questions: int,
    seed: int | None,
    timeout_s: float,
) -> Standing:
    async with open_client(address) as client:
        events = client.exam(
            model, skills=skills or None, questions=questions, seed=seed, timeout_s=timeout_s
        )
        async with aclosing(events):
            with _bar() as bar:
                return await _to_the_end(events, bar, f"Examining {model}")


async def _to_the_end(
    events: AsyncGenerator[ExamEvent, None], bar: "Progress", doing: str
) -> Standing:
    task = bar.add_task(doing, total=None)
    async for event in events:
        if event.progress is not None:
            bar.update(task, completed=event.progress.done, total=event.progress.of)
        if event.standing is not None:
            return event.standing
    raise PeerLostError("The exam ended without a result: hold it again.")


def _bar() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    terminal = console(stderr=True)
    text = TextColumn("{task.description}", markup=False)
    return Progress(
        text,
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )


def _rows(standing: Standing) -> list[tuple[str, ...]]:
    return [
        (skill, f"{tally.right:g}", f"{tally.asked:g}", f"{_share(tally):.0%}")
        for skill, tally in sorted(standing.skills.items())
    ]


def _shares(standing: Standing) -> dict[str, float]:
    return {skill: round(_share(tally), 4) for skill, tally in standing.skills.items()}


def _share(tally: Tally) -> float:
    return tally.right / tally.asked if tally.asked else 0.0
