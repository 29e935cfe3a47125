"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs.", show_default=False)
]

Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Node to ask; else MODELNET_URL, else the node that runs here.",
        show_default=False,
    ),
]

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where the node keeps its key and state.",
        show_default=False,
    ),
]
