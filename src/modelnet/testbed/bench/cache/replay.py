"""Caches played through a stream: one that goes by cosine alone, and ours, with and without trust.

An answer is what its question asks for, so that only the caches are measured and no model: where a
question is answered anew, the check sees whether the answer near by would have been the same.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from modelnet.core.chunk import Chunk
from modelnet.core.identity import RequestId
from modelnet.service.cache.entry import Entry
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import signature_of
from modelnet.service.cache.store import AnswerCache, Near
from modelnet.service.cache.trial import LEAST_COSINE, Trial, Trials
from modelnet.service.neighbourhood import packed
from modelnet.service.prediction.number import Floats
from modelnet.testbed.bench.cache.stream import Asked

_FRAME = b"everything else is equal"
_FOR_S = 1e9
_MOST = 1 << 20


@dataclass(slots=True)
class Tally:
    """What became of a stream."""

    asked: int = 0
    exact: int = 0
    near: int = 0
    wrong: int = 0
    """Near hits with another answer."""
    checks: int = 0
    """Near questions that were answered anew, and compared."""
    trusted_from: int | None = None
    """After how many questions nearness first counted."""


class Policy(Protocol):
    """When an answer near by is told."""

    def may_tell(self, near: Near) -> bool:
        """Tell whether it is told."""
        ...

    def learn(self, near: Near, *, is_wrong: bool) -> None:
        """Take in what became of one that was not told."""
        ...


class Above:
    """From a cosine on, always."""

    def __init__(self, cosine: float) -> None:
        self._cosine = cosine

    def may_tell(self, near: Near) -> bool:
        """Tell whether it is near enough."""
        return near.cosine >= self._cosine

    def learn(self, near: Near, *, is_wrong: bool) -> None:
        """Learn nothing."""


class Learning:
    """Where that was seen to be safe."""

    def __init__(self, limit: float, seed: int) -> None:
        self.trials = Trials(limit)
        self._rng = random.Random(seed)  # noqa: S311  measures, guards nothing

    def may_tell(self, near: Near) -> bool:
        """Tell whether nearness is trusted so far, and no check is due."""
        return self.trials.is_trusted(near.cosine) and not self.trials.is_due(self._rng)

    def learn(self, near: Near, *, is_wrong: bool) -> None:
        """Note what the check has shown."""
        self.trials.note(Trial(near.cosine, is_wrong, frozenset(), 0.0))


def played(stream: Sequence[Asked], rows: Floats, policy: Policy) -> Tally:
    """Return what our cache makes of a stream; `rows` are its embeddings, float, of unit length."""
    cache = AnswerCache(for_s=_FOR_S, most=_MOST, most_bytes=_MOST * 4096)
    truths = [asked.truth for asked in stream]
    tally = Tally()
    for place, asked in enumerate(stream):
        tally.asked += 1
        key = _key(asked.text)
        if cache.find(key, 0.0) is not None:
            tally.exact += 1
            continue
        near = _near(cache, key, rows[place])
        if near is not None:
            is_wrong = truths[int(near.entry.task)] != asked.truth
            if policy.may_tell(near):
                tally.near += 1
                tally.wrong += is_wrong
                tally.trusted_from = tally.trusted_from or tally.asked
                continue
            policy.learn(near, is_wrong=is_wrong)
            tally.checks += 1
            if is_wrong:
                cache.seclude(near.entry.key)
        cache.add(_entry(key, place, rows[place]))
    return tally


def by_cosine(stream: Sequence[Asked], rows: Floats, least: float) -> Tally:
    """Return what a cache makes of a stream that tells the nearest answer from a cosine on."""
    kept = np.zeros_like(rows, dtype=np.float32)
    places: list[int] = []
    seen: set[str] = set()
    tally = Tally()
    for place, asked in enumerate(stream):
        tally.asked += 1
        if asked.text in seen:
            tally.exact += 1
            continue
        cosines = kept[: len(places)] @ rows[place].astype(np.float32)
        best = int(np.argmax(cosines)) if places else -1
        if best >= 0 and cosines[best] >= least:
            tally.near += 1
            tally.wrong += stream[places[best]].truth != asked.truth
            continue
        kept[len(places)] = rows[place]
        places.append(place)
        seen.add(asked.text)
    return tally


def looked_up(rows: Floats) -> Callable[[Floats], Near | None]:
    """Return how a question is looked up among questions that have these embeddings."""
    cache = AnswerCache(for_s=_FOR_S, most=_MOST)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    for place, row in enumerate(rows / lengths):
        cache.add(_entry(_key(f"How far is star {place}?"), place, row))
    key = _key("How far is the moon?")
    return lambda row: _near(cache, key, row / np.linalg.norm(row))


def _near(cache: AnswerCache, key: Key, row: Floats) -> Near | None:
    signature = signature_of(key.question or "")
    if signature is None:
        return None
    return cache.near(key, row, signature, 0.0, least=LEAST_COSINE)


def _key(text: str) -> Key:
    return Key(hashlib.sha256(text.encode(errors="replace")).digest(), _FRAME, text)


def _entry(key: Key, place: int, row: Floats) -> Entry:
    signature = signature_of(key.question or "")
    return Entry(
        key=key,
        owner="",
        task=RequestId(str(place)),
        at=0.0,
        steps=(Chunk("answer", finish="stop"),),
        signature=signature,
        embedding=None if signature is None else packed(row),
    )
