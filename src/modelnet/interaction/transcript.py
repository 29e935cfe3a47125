"""Exams as the ledger keeps them: what was measured of a model, one entry a skill. Pure."""

import hashlib
from collections.abc import Iterable, Iterator

from modelnet.core.identity import RequestId
from modelnet.core.standing import Standing
from modelnet.ledger.outcome import Entry

_ID_BYTES = 16


def transcript(standings: Iterable[Standing]) -> Iterator[Entry]:
    """Yield what exams found; the same exam comes to the same entries whenever it is told.

    An entry is one verdict, however many questions it sums up: what is recalled in a later life
    is a hint until the next exam, not the exam.
    """
    for standing in standings:
        for skill, tally in standing.skills.items():
            if tally.asked > 0.0:
                yield Entry(
                    task=_id(standing, skill),
                    at=standing.measured_at,
                    kind=skill,
                    node=standing.node,
                    model=standing.model,
                    verdict=tally.right / tally.asked,
                    source="exam",
                    latency_s=standing.latency_s,
                    tokens=round(standing.tokens_per_answer),
                )


def _id(standing: Standing, skill: str) -> RequestId:
    named = standing.examiner, standing.node, standing.model, skill, str(standing.measured_at)
    digest = hashlib.blake2b("\0".join(named).encode(), digest_size=_ID_BYTES)
    return RequestId(digest.hexdigest())
