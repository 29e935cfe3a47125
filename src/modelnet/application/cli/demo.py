"""`modelnet demo`: a network of real models on this machine, and what it survives."""

import time
from typing import Annotated

import typer

from modelnet.application.cli.loop import run
from modelnet.application.cli.option import Json
from modelnet.application.cli.output import write_json

BROKEN = 1
"""Exit code when a promise was not kept."""


def demo(
    questions: Annotated[
        int, typer.Option("--questions", min=5, max=5000, help="How many to ask either side.")
    ] = 200,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Which questions; else others every time.")
    ] = None,
    pace: Annotated[
        float,
        typer.Option(
            "--pace", min=2, max=1000, help="Characters a second of the answer that is broken off."
        ),
    ] = 24.0,
    as_json: Json = False,
) -> None:
    """Start a network of nodes, compare it with one model, kill a node, let one join."""
    from modelnet.application.demo.play import Choices, play
    from modelnet.application.demo.result import broken_promises
    from modelnet.application.demo.show import Show

    drawn = time.time_ns() if seed is None else seed
    choices = Choices(questions=questions, seed=drawn, characters_per_s=pace)
    show = Show(is_aside=as_json)
    result = run(lambda: play(choices, show))
    broken = broken_promises(result)
    show.end(result, broken)
    if as_json:
        write_json(result)
    if broken:
        raise typer.Exit(BROKEN)
