"""Which reports count: those of the few nodes that hashing makes examiners of a model. Pure."""

from modelnet.core.standing import Standing
from modelnet.resource.directory import (
    CardsAnnounced,
    Directory,
    DirectoryEvent,
    StandingAnnounced,
)
from modelnet.service.exam import EXAMINERS, is_examiner

TOLERATED = 2 * EXAMINERS
"""Nodes see each other come and go at different times: the next few in line count as well."""


def evidence_in(directory: Directory, event: DirectoryEvent) -> tuple[Standing, ...]:
    """Return the measurements that count once an event was folded into the directory.

    A report is heard when it is told, and again when the model it is about becomes known.
    """
    match event:
        case StandingAnnounced():
            told = event.standings
        case CardsAnnounced():
            told = tuple(s for s in directory.standings if s.node == event.node)
        case _:
            return ()
    return tuple(standing for standing in told if _counts(standing, directory))


def _counts(standing: Standing, directory: Directory) -> bool:
    if standing.examiner == directory.self_id:
        return True
    entry = directory.entries.get(standing.node)
    return (
        entry is not None
        and any(card.name == standing.model for card in entry.cards)
        and is_examiner(
            standing.examiner, standing.node, standing.model, directory.entries, TOLERATED
        )
    )
