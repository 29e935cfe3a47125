"""Benchmarks: one module each, all run by `modelnet bench`."""

from pathlib import Path
from typing import Annotated

import typer

from modelnet.application.cli.option import Json

bench = typer.Typer(
    help="Measure this version on this machine.", no_args_is_help=True, add_completion=False
)


@bench.callback()
def benches() -> None:
    """Measure this version on this machine."""


@bench.command()
def network(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer kills and repetitions: about a minute.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PART",
            help="Part to measure, repeatable: discovery, loss, failover, overhead, footprint.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Which nodes are killed when.")] = 0,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Also write the table, as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how nodes find, lose and stand in for each other, in real processes."""
    from modelnet.testbed.bench.network import Order, measure_and_tell

    order = Order(is_quick=quick, parts=frozenset(only or ()), seed=seed)
    measure_and_tell(order, write_to=write, as_json=as_json)


@bench.command()
def engines(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer requests, 1 and 16 at once.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="ENGINE", help="Engine to measure, repeatable.", show_default=False
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Also write the tables, as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what every back-end adds to its engine asked directly."""
    from modelnet.testbed.bench.engine.bench import measure_engines

    measure_engines(frozenset(only or ()), is_quick=quick, write_to=write, as_json=as_json)


@bench.command()
def batching(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer requests: a few seconds.")] = False,
    as_json: Json = False,
) -> None:
    """Measure what it is worth that requests share a run of an engine."""
    from modelnet.testbed.bench.batching import measure_batching

    measure_batching(is_quick=quick, as_json=as_json)


@bench.command()
def load(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer loads and questions: under a minute.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PART",
            help="Part to measure, repeatable: router, hedging, real.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="What is asked when, and of whom.")] = 0,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Also write the tables, as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how well load is shared among nodes of different speed, beside other routers."""
    from modelnet.testbed.bench.load.bench import LoadOrder, measure_load

    order = LoadOrder(is_quick=quick, parts=frozenset(only or ()), seed=seed)
    measure_load(order, write_to=write, as_json=as_json)


@bench.command()
def routing(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder of recorded outcomes.")
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME", help="Set, repeatable.", show_default=False),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="NAME",
            help="Part to tell of; without it halves of dev, in turns.",
            show_default=False,
        ),
    ] = None,
    without_domains: Annotated[
        bool,
        typer.Option("--without-domains", help="Also learn without each domain: takes long."),
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Also write the tables, as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure routers on what real models answered, query by query."""
    from modelnet.testbed.bench.routing.bench import RoutingOrder, measure_routing

    order = RoutingOrder(
        data=data, sets=tuple(sets or ()), part=part, without_domains=without_domains
    )
    measure_routing(order, write_to=write, as_json=as_json)


@bench.command()
def cache(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder of recorded outcomes.")
    ],
    part: Annotated[
        str, typer.Option("--part", metavar="NAME", help="Part whose questions are asked.")
    ] = "dev",
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Also write the table, as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how often a cache that goes by nearness tells the wrong answer, beside ours."""
    from modelnet.testbed.bench.cache.bench import CacheOrder, measure_cache

    measure_cache(CacheOrder(data=data, part=part), write_to=write, as_json=as_json)
