"""`modelnet models`: every model of the network, what it claims and what was measured."""

from modelnet.application.cli.asking import with_client
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import Column, write, write_json, write_table
from modelnet.application.gateway.catalog import LoadView, OfferView, SkillView
from modelnet.core.card import Price

_COLUMNS = (
    Column("MODEL"),
    Column("NODE"),
    Column("SKILLS (MEASURED)"),
    Column("DOES"),
    Column("WEIGHTS", is_number=True),
    Column("LOAD"),
    Column("PRICE"),
)


def models(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the models that can be asked now, on every node."""
    offers = with_client(url, data_dir, lambda client: client.models())
    if as_json:
        write_json({"models": offers})
    elif not offers:
        write("No model is reachable: start a node with models, or wait until one joins.")
    else:
        write_table(_COLUMNS, [_row(offer) for offer in sorted(offers, key=_order)])


def _order(offer: OfferView) -> tuple[str, str]:
    return offer.card.name, offer.node_name


def _row(offer: OfferView) -> tuple[str, ...]:
    return (
        offer.card.name,
        offer.node_name,
        skills_of(offer),
        ", ".join(offer.card.operations),
        weights(offer.card.parameters),
        load(offer.load),
        price(offer.card.price),
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
