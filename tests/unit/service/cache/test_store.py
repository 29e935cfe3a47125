"""Kept answers: found, bounded, grown old, forgotten."""

import numpy as np
import pytest

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.task import Contribution
from modelnet.service.cache.entry import MOST_BYTES, Entry, join
from modelnet.service.cache.key import Key
from modelnet.service.cache.signature import signature_of
from modelnet.service.cache.store import AnswerCache
from modelnet.service.neighbourhood import SIZE, packed

WHO = Contribution(node=NodeId("n"), model="m", because="best")
END = Chunk(finish="stop", usage=Usage(1, 2))


def pointing(degrees: float) -> np.ndarray:
    vector = np.zeros(SIZE, dtype=np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def key(name: str, frame: str | None = "f") -> Key:
    return Key(name.encode(), None if frame is None else frame.encode(), name)


def entry(name: str, text: str = "Paris", at: float = 0.0, degrees: float | None = None, **more):
    question = more.pop("question", name)
    is_near = degrees is not None
    return Entry(
        key=more.pop("key", key(name)),
        owner="",
        task=RequestId(name),
        at=at,
        steps=(WHO, Chunk(text), END),
        signature=signature_of(question) if is_near else None,
        embedding=packed(pointing(degrees)) if is_near else None,
        **more,
    )


def near(cache: AnswerCache, question: str, degrees: float, frame="f", now=1.0, least=0.85):
    wanted = key("new", frame), pointing(degrees), signature_of(question), now
    return cache.near(*wanted, least=least)


def test_found_until_it_is_old():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", at=100.0))
    assert cache.find(key("a"), 159.9).text == "Paris"
    assert cache.find(key("b"), 100.0) is None
    assert cache.find(key("a"), 160.0) is None
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_a_clock_that_was_set_back_ends_it_too():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", at=100.0))
    assert cache.find(key("a"), 99.0) is None


def test_used_longest_ago_goes_first():
    cache = AnswerCache(for_s=60.0, most=2)
    cache.add(entry("a"))
    cache.add(entry("b"))
    cache.find(key("a"), 1.0)
    cache.add(entry("c"))
    assert [cache.find(key(name), 1.0) is not None for name in "abc"] == [True, False, True]


def test_memory_is_bounded_by_bytes():
    cache = AnswerCache(for_s=60.0, most_bytes=100_000)
    for number in range(200):
        cache.add(entry(f"q{number}", "x" * 1000, degrees=float(number)))
        assert cache.size_bytes <= 100_000
    assert 10 < len(cache) < 60
    cache.forget()
    assert (len(cache), cache.size_bytes, cache._frames) == (0, 0, {})


def test_what_is_too_large_is_not_kept():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", "x" * MOST_BYTES))
    assert len(cache) == 0


def test_an_answer_replaces_the_one_before():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", "Paris"))
    size = cache.size_bytes
    cache.add(entry("a", "Lyons"))
    assert cache.find(key("a"), 1.0).text == "Lyons"
    assert (len(cache), cache.size_bytes) == (1, size)


def test_the_nearest_that_may_be_the_same():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", "1", degrees=4.0, question="How far is the moon?"))
    cache.add(entry("b", "2", degrees=8.0, question="How far away is the moon?"))
    cache.add(entry("c", "3", degrees=1.0, question="How far is the sun?"))
    found = near(cache, "how far is the moon", 0.0)
    assert (found.entry.text, found.cosine) == ("1", pytest.approx(0.9976, abs=0.001))
    assert near(cache, "how far is the moon", 0.0, frame="other") is None
    assert near(cache, "how far is the moon", 0.0, frame=None) is None
    assert near(cache, "how far is the moon", 60.0) is None
    assert near(cache, "how far is the moon", 0.0, now=70.0) is None


def test_nonsense_of_an_encoder_is_near_to_nothing():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", degrees=0.0, question="How far is the moon?"))
    broken = np.full(SIZE, np.nan, dtype=np.float32)
    found = cache.near(key("n"), broken, signature_of("how far is the moon"), 1.0, least=0.85)
    assert found is None


def test_secluded():
    cache = AnswerCache(for_s=60.0)
    cache.add(entry("a", degrees=0.0, question="How far is the moon?"))
    cache.seclude(key("a"))
    assert near(cache, "how far is the moon", 0.0) is None
    assert cache.find(key("a"), 1.0) is not None
    cache.drop(key("a"))
    assert cache.size_bytes == 0


def test_forgotten_by_task_and_by_time():
    cache = AnswerCache(for_s=60.0)
    for at, name in enumerate("abc"):
        cache.add(entry(name, at=float(at)))
    cache.forget(task=RequestId("b"))
    assert cache.find(key("b"), 2.0) is None
    cache.forget(before=1.0)
    assert [cache.find(key(name), 2.0) is not None for name in "ac"] == [False, True]


def test_an_answer_is_told_as_it_was_in_fewer_pieces():
    steps = []
    for step in (WHO, *(Chunk("ab ") for _ in range(400)), END):
        join(steps, step)
    assert len(steps) < 10
    chunks = [step for step in steps if isinstance(step, Chunk)]
    assert "".join(chunk.text for chunk in chunks) == "ab " * 400
    assert sum(chunk.n_tokens for chunk in chunks[:-1]) == 400
    assert chunks[-1] == END


def test_thought_and_speech_stay_in_order():
    steps = []
    for chunk in (Chunk(reasoning="hm"), Chunk(reasoning="m"), Chunk("Pa"), Chunk("ris"), END):
        join(steps, chunk)
    told = [(step.reasoning, step.text) for step in steps]
    assert told == [("hmm", ""), ("", "Paris"), ("", "")]


def test_told_with_where_it_is_from():
    told = list(entry("a", at=10.0).told(22.5, 0.97, "why"))
    assert told[0].because == "why"
    assert (told[0].recalled.task, told[0].recalled.age_s, told[0].recalled.cosine) == (
        "a",
        12.5,
        0.97,
    )
    assert told[1:] == [Chunk("Paris"), END]
