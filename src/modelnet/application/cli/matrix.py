"""The ability matrix: a row a model, a column an ability, and below it why something fails."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from modelnet.application.cli.output import Column
from modelnet.application.client import ProbeEvent
from modelnet.service.ability import ABILITIES, Ability, Finding, Speed, Verdict

_TITLES: Mapping[Ability, str] = {
    "chat": "CHAT", "complete": "TEXT", "step": "STEP", "score": "SCORE", "embed": "EMBED",
    "encode": "ENC", "infer": "INFER", "tools": "TOOL", "schema": "JSON", "images": "IMG",
    "logprobs": "LOGP", "continuation": "CONT", "concurrency": "PAR", "context": "CTX",
}  # fmt: skip

COLUMNS = (
    Column("MODEL"),
    *(Column(_TITLES[ability], is_narrow=True) for ability in ABILITIES),
    Column("FIRST", is_number=True, is_narrow=True),
    Column("TOK/S", is_number=True, is_narrow=True),
)


class Marks(NamedTuple):
    """What stands for each verdict."""

    works: str
    fails: str
    untried: str
    unclaimed: str

    @property
    def legend(self) -> str:
        """The line that says what they mean."""
        return (
            f"{self.works} tried and works  {self.fails} claimed but fails  "
            f"{self.untried} could not be tried  {self.unclaimed} not claimed"
        )


_MARKS = Marks("✓", "✗", "?", "·")
_PLAIN_MARKS = Marks("+", "x", "?", ".")


class Probed(msgspec.Struct, kw_only=True):
    """What was found out about one model."""

    id: str
    findings: dict[Ability, Finding] = msgspec.field(default_factory=dict)
    speed: Speed | None = None
    skipped: str | None = None


def marks_for(encoding: str | None) -> Marks:
    """Return the marks that a terminal of this encoding can show."""
    try:
        "".join(_MARKS).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _PLAIN_MARKS
    return _MARKS


def note(probed: dict[str, Probed], event: ProbeEvent) -> None:
    """Take in what was found; models stay in the order in which they were tried."""
    known = probed.setdefault(event.id, Probed(id=event.id))
    if event.finding is not None:
        known.findings[event.finding.ability] = event.finding
    known.speed = event.speed or known.speed
    known.skipped = event.skipped or known.skipped


def rows(probed: Iterable[Probed], marks: Marks) -> list[tuple[str, ...]]:
    """Return the cells of the table."""
    return [_row(one, marks) for one in probed if one.skipped is None]


def remarks(probed: Iterable[Probed]) -> list[str]:
    """Return a sentence for everything that does not work or was not tried."""
    return [remark for one in probed for remark in _remarks(one)]


def _row(one: Probed, marks: Marks) -> tuple[str, ...]:
    signs: dict[Verdict, str] = {
        "works": marks.works,
        "fails": marks.fails,
        "untried": marks.untried,
    }
    cells = (
        signs[one.findings[ability].verdict] if ability in one.findings else marks.unclaimed
        for ability in ABILITIES
    )
    first = f"{one.speed.first_token_s * 1000:.0f} ms" if one.speed else ""
    rate = f"{one.speed.tokens_per_s:.0f}" if one.speed else ""
    # Broken before the node, where the column is too narrow for both.
    name, at, node = one.id.rpartition("@")
    return (f"{name} {at}{node}" if at else one.id, *cells, first, rate)


def _remarks(one: Probed) -> list[str]:
    if one.skipped is not None:
        return [f"{one.id} was not tried: {one.skipped}"]
    words = {"fails": "fails", "untried": "could not be tried"}
    return [
        f"{one.id}: {ability} {words[finding.verdict]}: {finding.why}"
        for ability, finding in one.findings.items()
        if finding.verdict != "works"
    ]
