"""Caches played through streams that are small enough to know what must come out."""

import msgspec
import numpy as np

from modelnet.testbed.bench.cache.bench import lookup_ms, measured_stream
from modelnet.testbed.bench.cache.figure import CacheFigures, facts, markdown, rows
from modelnet.testbed.bench.cache.replay import Above, Learning, by_cosine, played
from modelnet.testbed.bench.cache.stream import Asked


def vectors(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    made = np.zeros((len(degrees), 384))
    made[:, 0], made[:, 1] = np.cos(turned), np.sin(turned)
    return made


def asked(text: str, truth: object, origin: str = "question") -> Asked:
    return Asked(text, origin, truth, None)


STREAM = [
    asked("How far is the moon?", 1),
    asked("Please, how far is the moon?", 1, "paraphrase"),
    asked("How far is the sun?", 2, "trap"),
    asked("How far is the moon?", 1, "repeat"),
]
ROWS = vectors(0.0, 5.0, -5.0, 0.0)


def test_by_cosine_alone():
    tally = by_cosine(STREAM, ROWS, 0.9)
    assert (tally.asked, tally.exact, tally.near, tally.wrong) == (4, 1, 2, 1)
    assert by_cosine(STREAM, ROWS, 0.999).near == 0


def test_the_same_letter():
    tally = played(STREAM, ROWS, Above(0.9))
    assert (tally.asked, tally.exact, tally.near, tally.wrong) == (4, 1, 1, 0)


def test_nothing_is_told_before_it_was_checked():
    tally = played(STREAM, ROWS, Learning(0.01, seed=0))
    assert (tally.exact, tally.near, tally.checks, tally.trusted_from) == (1, 0, 1, None)


def politely(number: int) -> str:
    said = " ".join("please" if number >> bit & 1 else "kindly" for bit in range(9))
    return f"How far is the moon, {said}?"


def test_trust_comes_with_evidence_and_checks_go_on():
    stream = [asked(politely(number), 1, "paraphrase") for number in range(512)]
    tally = played(stream, vectors(*[0.0] * 512), Learning(0.05, seed=0))
    assert (tally.exact, tally.wrong) == (0, 0)
    assert 134 < tally.trusted_from < 160
    assert tally.near > 250
    assert tally.checks > 134 + 10


def test_a_whole_table():
    stream = measured_stream(STREAM, ROWS)
    figures = CacheFigures(part="dev", limit=0.01, sets={"s": stream}, lookup_ms={"100": 0.1})
    table = list(rows(figures))
    assert len(table) == len(stream.ways)
    assert stream.ways["by cosine 0.9"].wrong_rate == 0.5
    low, high = stream.ways["by cosine 0.9"].ci95
    assert low < 0.5 < high
    page = markdown(figures, ("a machine",))
    assert all(len(row) == 8 for row in table)
    assert "ours trusted nearness never" in " ".join(facts(figures))
    assert "a machine" in page
    assert msgspec.json.decode(msgspec.json.encode(figures), type=CacheFigures) == figures


def test_looking_up_takes_time():
    assert all(ms > 0.0 for ms in lookup_ms(np.random.default_rng(0)).values())
