"""`modelnet pull`: have the node fetch a model from the others, and serve it."""

from typing import Annotated

import typer

from modelnet.application.cli.asking import find_node
from modelnet.application.cli.loop import run
from modelnet.application.cli.moving import tell, to_the_end
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.client import open_client
from modelnet.interaction.transfer import Pulled


def pull(
    model: Annotated[str, typer.Argument(help="The model, as others serve it.", metavar="MODEL")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NODE",
            help="Take it from this node alone; else from all that have it.",
            show_default=False,
        ),
    ] = None,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Keep a copy, but do not serve it.")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="S", min=1, help="Seconds for the whole pull.")
    ] = 6 * 3600.0,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Fetch a model from the nodes that have it, and serve it.

    Ctrl-C stops it; the next pull goes on where it was.
    """
    address = find_node(url, data_dir)

    async def main() -> Pulled:
        async with open_client(address) as client:
            events = client.pull(model, source=source, serve=not no_serve, timeout_s=timeout_s)
            return await to_the_end(events, f"Pulling {model}")

    pulled = run(main)
    done = "is served here now" if pulled.is_served else "is kept here"
    tell(pulled, f"{pulled.model} {done}", as_json=as_json)
