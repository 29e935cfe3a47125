"""`modelnet deploy`: have another node fetch and serve a model."""

from typing import Annotated

import typer

from modelnet.application.cli.asking import find_node
from modelnet.application.cli.loop import run
from modelnet.application.cli.moving import tell, to_the_end
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.client import open_client
from modelnet.interaction.transfer import Pulled


def deploy(
    model: Annotated[str, typer.Argument(help="A model of the network.", metavar="MODEL")],
    to: Annotated[
        str, typer.Option("--to", metavar="NODE", help="Node that is to serve it: name or id.")
    ],
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="S", min=1, help="Seconds for the whole deploy.")
    ] = 6 * 3600.0,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Have another node fetch a model and serve it, where its owner allows that to this one."""
    address = find_node(url, data_dir)

    async def main() -> Pulled:
        async with open_client(address) as client:
            events = client.deploy(model, to=to, timeout_s=timeout_s)
            return await to_the_end(events, f"Deploying {model}")

    tell(run(main), f"{model} is served by {to} now", as_json=as_json)
