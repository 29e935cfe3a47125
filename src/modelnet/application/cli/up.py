"""`modelnet up`: start a node, say how to use it, tell who comes and goes until it is stopped."""

import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
import typer

from modelnet.application.cli.loop import run
from modelnet.application.cli.news import News
from modelnet.application.cli.option import DataDir, Json
from modelnet.application.cli.output import write, write_json
from modelnet.application.presence import Presence, announced, occupied
from modelnet.application.settings import Settings, load_settings, make_data_dir
from modelnet.core.error import SettingsError
from modelnet.core.identity import short_node_id

if TYPE_CHECKING:
    from modelnet.application.cli.engine_supply import EngineSupply
    from modelnet.application.node import Node

_EXAMPLE = "What is 123 plus 456?"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints, once, when the node can be asked."""

    node: str
    name: str
    openai_url: str | None
    dashboard_url: str | None = None
    listen: tuple[str, ...]
    models: tuple[str, ...]


def up(
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="What people call this node; else the host's name."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="SPEC",
            help="Model to serve, repeatable: zoo:calc, gguf:PATH, llama:URL, ollama:MODEL, "
            "openai:URL#MODEL, anthropic:MODEL, transformers:FOLDER, onnx:PATH, oip:URL#MODEL, "
            "sklearn:PATH, python:MODULE:FUNCTION; NAME=SPEC renames it. "
            "Without it: the model servers found on this machine, else the whole zoo.",
            show_default=False,
        ),
    ] = None,
    no_models: Annotated[
        bool, typer.Option("--no-models", help="Serve none: only ask others'.")
    ] = False,
    network: Annotated[
        str | None,
        typer.Option("--network", metavar="NAME", help="Network to be in; else `public`."),
    ] = None,
    invitation: Annotated[
        str | None,
        typer.Option(
            "--invitation", metavar="LINE", help="Line that lets this node into a closed network."
        ),
    ] = None,
    join: Annotated[
        list[str] | None,
        typer.Option(
            "--join",
            metavar="ENDPOINT",
            help="Node to join through, repeatable: tcp/HOST:PORT.",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen",
            metavar="ENDPOINT",
            help="Where other nodes reach this one, repeatable: tcp/0.0.0.0:7447.",
            show_default=False,
        ),
    ] = None,
    no_multicast: Annotated[
        bool, typer.Option("--no-multicast", help="Do not look for nodes on the local network.")
    ] = False,
    gateway: Annotated[
        bool, typer.Option("--gateway", help="Relay for nodes that cannot reach each other.")
    ] = False,
    client: Annotated[
        bool, typer.Option("--client", help="Behind NAT: reach the network through --join alone.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Address of the OpenAI URL; beyond this machine needs a key.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Port of the OpenAI URL; 0 takes a free one. Without it: 11711 or the next free.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="Bearer key that clients must send, repeatable. MODELNET_API_KEYS keeps it out "
            "of the process list.",
            show_default=False,
        ),
    ] = None,
    no_exams: Annotated[
        bool, typer.Option("--no-exams", help="Do not measure the models of newcomers.")
    ] = False,
    cache: Annotated[
        str | None,
        typer.Option(
            "--cache",
            metavar="HOW",
            help="Tell earlier answers again: off, exact (to the same request), or near (also to "
            "a question like it, once that was seen to be safe). Else off.",
            show_default=False,
        ),
    ] = None,
    prefetch: Annotated[
        bool,
        typer.Option(
            "--prefetch", help="Ask idle models beforehand what usually comes next; needs --cache."
        ),
    ] = False,
    run_tests: Annotated[
        bool,
        typer.Option(
            "--run-tests",
            help="Try answers that are code by the unit tests that askers give, in a sandbox.",
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Start a node and answer at one OpenAI-compatible URL.

    It serves models, finds the other nodes of its network and answers with all of theirs.
    """
    settings = load_settings(
        {
            "name": name,
            "models": model,
            "network": network,
            "invitation": invitation,
            "join": join,
            "listen": listen,
            "multicast": False if no_multicast else None,
            "gateway": gateway or None,
            "client": client or None,
            "host": host,
            "port": port,
            "api_keys": api_key,
            "exams": False if no_exams else None,
            "cache": cache,
            "prefetch": prefetch or None,
            "run_tests": run_tests or None,
            "data_dir": data_dir,
        }
    )
    _check(settings, no_models=no_models)
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    run(lambda: _live(settings, no_models=no_models, as_json=as_json), exit_code_when_stopped=0)


def _check(settings: Settings, *, no_models: bool) -> None:
    if no_models and settings.models:
        raise SettingsError("--no-models and --model exclude each other: leave one of them out.")


async def _live(settings: Settings, *, no_models: bool, as_json: bool) -> None:
    from modelnet.application.cli.supply import choose_models
    from modelnet.application.node import Node
    from modelnet.trust.key import open_key

    make_data_dir(settings.data_dir)
    with occupied(settings.data_dir):
        supply = await choose_models(settings, no_models=no_models)
        if not as_json:
            write(supply.told)
        key = open_key(settings.data_dir)
        tell = _keep_silent if as_json else _tell
        async with (
            Node(settings, models=supply.models, key=key) as node,
            _stocked(node, supply.engines, tell),
        ):
            with announced(settings.data_dir, Presence(node.url or "", os.getpid(), node.id)):
                if as_json:
                    write_json(_ready(node))
                    await anyio.sleep_forever()
                _introduce(node, settings)
                try:
                    await _tell_news(node)
                finally:
                    write("\nLeaving the network.")


@asynccontextmanager
async def _stocked(
    node: "Node", engines: "EngineSupply | None", tell: Callable[[str], None]
) -> AsyncGenerator[None]:
    """Serve what the engines of this machine have, until the context ends."""
    async with anyio.create_task_group() as group:
        if engines is not None:
            await group.start(engines.run, node, tell)
        yield
        group.cancel_scope.cancel()


def _tell(sentence: str) -> None:
    write(f"{time.strftime('%H:%M:%S')}  {sentence}")


def _keep_silent(_: str) -> None:
    """With `--json` there is one line and no more."""


def _ready(node: "Node") -> Ready:
    return Ready(
        node=node.id,
        name=node.name,
        openai_url=node.url,
        listen=node.listen,
        models=tuple(card.name for card in node.cards),
    )


def _introduce(node: "Node", settings: Settings) -> None:
    served = ", ".join(card.name for card in node.cards) or "none of its own"
    found_by = "by multicast" if settings.multicast else "through --join only"
    rows = {
        "node": f"{node.name} (...{short_node_id(node.id)})",
        "network": f"{settings.network}, nodes found {found_by}",
        "models": served,
        "listens": ", ".join(node.listen),
        "OpenAI": node.url or "",
    }
    write("\n".join(f"  {title:<8}  {told}" for title, told in rows.items()))
    write(f"\n{_how_to_ask(node.url or '', settings)}\n\nCtrl-C stops it.")


def _how_to_ask(url: str, settings: Settings) -> str:
    key = " -H 'Authorization: Bearer KEY'" if settings.api_keys else ""
    body = f'{{"model": "auto", "messages": [{{"role": "user", "content": "{_EXAMPLE}"}}]}}'
    return (
        f'Ask it:  modelnet ask "{_EXAMPLE}"\n'
        f"    or:  curl {url}/chat/completions -H 'Content-Type: application/json'{key} \\\n"
        f"           -d '{body}'"
    )


async def _tell_news(node: "Node") -> None:
    news = News(node.id)
    while True:
        seen = node.directory
        for sentence in news.update(seen):
            _tell(sentence)
        await node.wait_until(lambda directory, seen=seen: directory is not seen)
