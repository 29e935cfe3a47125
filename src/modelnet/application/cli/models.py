"""`modelnet models`: every model of the network, what it claims and what was measured."""

import sys
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Annotated

import typer

from modelnet.application.address import NodeAddress
from modelnet.application.cli import matrix
from modelnet.application.cli.asking import find_node, with_client
from modelnet.application.cli.loop import run
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import (
    Column,
    console,
    printable,
    write,
    write_json,
    write_table,
)
from modelnet.application.client import open_client
from modelnet.application.gateway.catalog import LoadView, OfferView, SkillView
from modelnet.core.card import Price
from modelnet.core.standing import Speed

_COLUMNS = (
    Column("MODEL"),
    Column("NODE"),
    Column("SKILLS (MEASURED)"),
    Column("DOES"),
    Column("WEIGHTS", is_number=True),
    Column("SPEED"),
    Column("LOAD"),
    Column("PRICE"),
)

_NO_MODEL = "No model is reachable: start a node with models, or wait until one joins."
_PROBE_S = 3600.0


def models(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Only this model, or `model@node`.",
            show_default=False,
        ),
    ] = None,
    is_probe_wanted: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Try everything the models claim; those that cost money only if named.",
            show_default=False,
        ),
    ] = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the models that can be asked now, on every node."""
    if is_probe_wanted:
        _probe(find_node(url, data_dir), model, as_json=as_json)
        return
    known = with_client(url, data_dir, lambda client: client.models())
    offers = [offer for offer in known if model in {None, offer.id, offer.card.name}]
    if as_json:
        write_json({"models": offers})
    elif not offers:
        write(f"No reachable model is called {model!r}." if known else _NO_MODEL)
    else:
        write_table(_COLUMNS, [_row(offer) for offer in sorted(offers, key=_order)])


def _probe(address: NodeAddress, model: str | None, *, as_json: bool) -> None:
    probed = list(run(lambda: _probed(address, model)).values())
    if as_json:
        write_json({"models": probed})
        return
    if not probed:
        write(_NO_MODEL)
        return
    marks = matrix.marks_for(sys.stdout.encoding)
    write_table(*matrix.table(probed, marks, console().width))
    write(f"\n{marks.legend}")
    for remark in matrix.remarks(probed):
        write(remark)


async def _probed(address: NodeAddress, model: str | None) -> dict[str, matrix.Probed]:
    probed: dict[str, matrix.Probed] = {}
    async with open_client(address) as client:
        with _trying() as say:
            async with aclosing(client.probe(model=model, timeout_s=_PROBE_S)) as events:
                async for event in events:
                    matrix.note(probed, event)
                    say(event.id)
    return probed


@contextmanager
def _trying() -> Generator[Callable[[str], None]]:
    """Show on a terminal which model is being tried."""
    from rich.text import Text

    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield lambda _: None
        return
    with terminal.status("Trying the models") as status:
        yield lambda name: status.update(Text(printable(f"Trying {name}")))


def _order(offer: OfferView) -> tuple[str, str]:
    return offer.card.name, offer.node_name


def _row(offer: OfferView) -> tuple[str, ...]:
    return (
        offer.card.name,
        offer.node_name,
        skills_of(offer),
        ", ".join(offer.card.operations),
        weights(offer.card.parameters),
        speed(offer.speed),
        load(offer.load),
        price(offer.card.price)
        if offer.card.is_free or offer.card.price != Price()
        else "not told",
    )


def skills_of(offer: OfferView) -> str:
    """Return the skills with the share of right answers; a claim not yet measured has none."""
    claimed = {skill.id: "?" for skill in offer.card.skills}
    measured = {skill: share(tally) for skill, tally in offer.skills.items() if tally.asked}
    return ", ".join(f"{skill} {told}" for skill, told in sorted({**claimed, **measured}.items()))


def share(tally: SkillView) -> str:
    """Return the share of right answers."""
    return f"{tally.right / tally.asked:.0%}"


def weights(parameters: int | None) -> str:
    """Return a number of weights as people say it: `0.64M`, `7B`."""
    if parameters is None:
        return "?"
    size, unit = (parameters / 1e9, "B") if parameters >= 1e9 else (parameters / 1e6, "M")
    return f"{size:.2g}{unit}" if size < 100 else f"{size:.0f}{unit}"


def speed(seen: Speed) -> str:
    """Return the time to the first token and the rate of the rest, as far as they were measured."""
    parts: list[str] = []
    if seen.first_token_s is not None:
        first_s = seen.first_token_s
        parts.append(f"{first_s * 1000:.0f} ms" if first_s < 1 else f"{first_s:.1f} s")
    if seen.tokens_per_s is not None:
        parts.append(f"{seen.tokens_per_s:.0f}/s")
    return ", ".join(parts)


def load(now: LoadView) -> str:
    """Return how busy a model is."""
    if not now.running and not now.waiting:
        return "idle"
    queue = f", {now.waiting} wait" if now.waiting else ""
    return f"{now.running} of {now.parallel}{queue}"


def price(asked: Price) -> str:
    """Return US dollars for a million tokens in and out."""
    if not asked.input_per_mtok and not asked.output_per_mtok:
        return "free"
    return f"${asked.input_per_mtok:g}/${asked.output_per_mtok:g}"
