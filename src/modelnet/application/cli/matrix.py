"""The ability matrix: a row a model, a column an ability, and below it why something fails."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from modelnet.application.cli.output import Column
from modelnet.application.reply import ProbeEvent
from modelnet.service.ability import ABILITIES, Ability, Finding, Speed, Verdict

_TITLES: Mapping[Ability, str] = {
    "chat": "CHAT", "complete": "TEXT", "step": "STEP", "score": "SCORE", "embed": "EMBED",
    "encode": "ENC", "infer": "INFER", "tools": "TOOL", "schema": "JSON", "images": "IMG",
    "logprobs": "LOGP", "continuation": "CONT", "concurrency": "PAR", "context": "CTX",
}  # fmt: skip

_MODEL = Column("MODEL", is_whole=True)
_SPEED = (
    Column("FIRST", is_number=True, is_narrow=True),
    Column("TOK/S", is_number=True, is_narrow=True),
)

FULL_WIDTH = 100
"""Characters of a line that holds all columns; fewer hold no speed, and only what is claimed."""

Rows: TypeAlias = list[tuple[str, ...]]


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


def table(probed: Sequence[Probed], marks: Marks, width: int) -> tuple[list[Column], Rows]:
    """Return the columns and rows for a terminal of this width."""
    tried = [one for one in probed if one.skipped is None]
    is_full = width >= FULL_WIDTH
    shown: list[Ability] = [
        name for name in ABILITIES if is_full or any(name in one.findings for one in tried)
    ]
    columns = [_MODEL, *(Column(_TITLES[name], is_narrow=True) for name in shown)]
    cells = [(_broken(one.id), *_signs(one, shown, marks)) for one in tried]
    if not is_full:
        return columns, cells
    return [*columns, *_SPEED], [
        (*row, *_speed(one)) for row, one in zip(cells, tried, strict=True)
    ]


def remarks(probed: Iterable[Probed]) -> list[str]:
    """Return a sentence for everything that does not work or was not tried."""
    return [remark for one in probed for remark in _remarks(one)]


def _broken(name: str) -> str:
    """Return a name that breaks before its node, where there is no room for both."""
    model, at, node = name.rpartition("@")
    return f"{model} {at}{node}" if at else name


def _signs(one: Probed, shown: Sequence[Ability], marks: Marks) -> list[str]:
    signs: dict[Verdict, str] = {
        "works": marks.works,
        "fails": marks.fails,
        "untried": marks.untried,
    }
    return [
        signs[one.findings[name].verdict] if name in one.findings else marks.unclaimed
        for name in shown
    ]


def _speed(one: Probed) -> tuple[str, str]:
    if one.speed is None:
        return "", ""
    return _time(one.speed.first_token_s), f"{one.speed.tokens_per_s:.0f}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _remarks(one: Probed) -> list[str]:
    if one.skipped is not None:
        return [f"{one.id} was not tried: {one.skipped}"]
    words = {"fails": "fails", "untried": "could not be tried"}
    return [
        f"{one.id}: {ability} {words[finding.verdict]}: {finding.why}"
        for ability, finding in one.findings.items()
        if finding.verdict != "works"
    ]
