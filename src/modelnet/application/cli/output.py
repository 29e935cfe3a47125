"""What commands print: sentences and tables for people, JSON for programs.

Names and answers come from other machines: control characters in them never reach a terminal.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from modelnet.core.error import ModelnetError

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 10_000
"""Columns of a table that no terminal shows: nothing is cut off there."""

# Everything that moves a cursor, changes colours or rings a bell; line breaks and tabs stay.
_CONTROLS = dict.fromkeys(
    code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    is_number: bool = False
    is_narrow: bool = False
    """Close to the next, and never broken into lines."""
    is_whole: bool = False
    """Nothing of it is left out: what is too long is broken into lines."""


def printable(text: str) -> str:
    """Return `text` without control characters."""
    return text.translate(_CONTROLS)


def write(text: str, *, err: bool = False, newline: bool = True) -> None:
    """Print a piece of text."""
    typer.echo(printable(text), err=err, nl=newline)


def write_json(value: Any) -> None:
    """Print one line of JSON."""
    typer.echo(msgspec.json.encode(value).decode())


def write_error(error: ModelnetError, *, as_json: bool) -> None:
    """Print the one sentence of an error; as JSON it goes to stdout, where results go."""
    if as_json:
        told = {"code": error.code, "message": error.message, "fault": error.fault}
        write_json({"error": {**told, "retryable": error.retryable}})
    else:
        write(error.message, err=True)


def write_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their titles."""
    from rich.table import Table
    from rich.text import Text

    gap = 1 if any(column.is_narrow for column in columns) else 2
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for column in columns:
        justify = "right" if column.is_number else "left"
        table.add_column(
            column.title,
            justify=justify,
            no_wrap=column.is_narrow,
            overflow="fold" if column.is_whole else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console().print(table)


def console(*, stderr: bool = False) -> "Console":
    """Return the terminal, or what stands in its place; `NO_COLOR` and `TERM=dumb` are obeyed."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False)
