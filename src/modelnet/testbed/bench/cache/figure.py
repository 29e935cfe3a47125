"""The figures of `modelnet bench cache`, and their table. Pure."""

from collections.abc import Iterator, Sequence

import msgspec

from modelnet.service.cache.bound import lower_share
from modelnet.testbed.bench.cache.replay import Tally

TITLES = ("set", "cache", "near hits", "of asked", "wrong", "of near", "95 %", "checks")
_Z = 1.96

_HEAD = """# Cache benchmark

Written by `modelnet bench cache --data DIR --write`. No user's traffic is among the data, so the
streams are made; what they are made of decides what hit rates come out, and only the comparison of
caches on the same stream says something of the caches.

- **Recorded sets** (`dev`): every question once with its recorded embedding; a third of them again,
  word for word; a third in other words, made by rule ("Could you tell me this: ...", "Compute" for
  "Calculate"), easier to know again than what people write; a third as traps, with a number, an
  opposite or a negation changed: some of these still have the old answer and count as wrong all the
  same. Questions of a set are near each other by themselves, too: exam questions come in pairs.
- **What is wrong**: a hit whose question has another right answer than the one asked. Right is what
  most of the models said that were judged right; letters count as the options they stand for.
  Questions without such an answer (code) are left out, as are `bfcl` (tools are never cached) and
  `routellm2` (no answers are recorded).
- **everyday**: twenty short questions in three or four wordings, two traps each, in 24 frames.
  The guards were mended once after reading what slipped through here. **everyday, unseen** are
  twelve more, written after that.
- **by cosine** tells the nearest answer from that cosine on, as semantic caches do. **same letter**
  adds our comparison of numbers, negations, names, quotations and words, and leaves out what the
  encoder does not read whole. **ours** also tells nothing until enough checks have shown it to be
  safe, and goes on checking one in ten.
- Checks see the right answer, so models that answer the same question now so, now so are not in
  these figures: with them trust comes later.
"""


class WayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One cache on one stream."""

    asked: int
    exact: int
    near: int
    near_share: float
    """Near hits of all that was asked."""
    wrong: int
    wrong_rate: float | None
    """Wrong ones of the near hits."""
    ci95: tuple[float, float] | None
    checks: int
    trusted_from: int | None


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One stream."""

    asked: dict[str, int]
    """How many of each origin."""
    ways: dict[str, WayFigures]


class CacheFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    part: str
    limit: float
    sets: dict[str, StreamFigures]
    lookup_ms: dict[str, float]
    """To look a question up that is not known, by how many are kept."""


def way_figures(tally: Tally) -> WayFigures:
    """Return what is told of a tally."""
    near, wrong = tally.near, tally.wrong
    interval = (lower_share(wrong, near, z=_Z), 1.0 - lower_share(near - wrong, near, z=_Z))
    return WayFigures(
        asked=tally.asked,
        exact=tally.exact,
        near=near,
        near_share=near / max(1, tally.asked),
        wrong=wrong,
        wrong_rate=wrong / near if near else None,
        ci95=interval if near else None,
        checks=tally.checks,
        trusted_from=tally.trusted_from,
    )


def rows(figures: CacheFigures) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table."""
    for name, stream in figures.sets.items():
        for way, told in stream.ways.items():
            low, high = told.ci95 or (0.0, 1.0)
            yield (
                name,
                way,
                str(told.near),
                f"{told.near_share:.1%}",
                str(told.wrong),
                "-" if told.wrong_rate is None else f"{told.wrong_rate:.1%}",
                "-" if told.ci95 is None else f"{low:.1%} to {high:.1%}",
                str(told.checks) if told.checks else "-",
            )


def facts(figures: CacheFigures) -> Iterator[str]:
    """Yield what the table does not say, a sentence each."""
    for name, stream in figures.sets.items():
        told = ", ".join(f"{count} {origin}s" for origin, count in stream.asked.items())
        ours = stream.ways["ours"]
        when = "never" if ours.trusted_from is None else f"from question {ours.trusted_from} on"
        yield f"{name}: {told}; {ours.exact} exact hits; ours trusted nearness {when}."
    times = ", ".join(f"{ms:.2f} ms with {kept} kept" for kept, ms in figures.lookup_ms.items())
    yield f"Looking up a question that is not known: {times}, of one frame, one core."


def markdown(figures: CacheFigures, notes: Sequence[str]) -> str:
    """Return the page."""
    lines = [
        _HEAD,
        f"Part: {figures.part}. Allowed rate of wrong answers: {figures.limit:.1%}.",
        "",
        f"| {' | '.join(TITLES)} |",
        "|---|---|---:|---:|---:|---:|---|---:|",
        *(f"| {' | '.join(row)} |" for row in rows(figures)),
        "",
        *(f"- {line}" for line in (*facts(figures), *notes)),
        "",
    ]
    return "\n".join(lines)
