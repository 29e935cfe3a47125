"""Exams in the ledger."""

import msgspec
import pytest

from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing, Tally
from modelnet.interaction.transcript import transcript

STANDING = Standing(
    examiner=NodeId("me"),
    node=NodeId("you"),
    model="m",
    skills={"arithmetic": Tally(9.0, 12.0), "word": Tally(0.0, 3.0), "date": Tally()},
    latency_s=0.5,
    tokens_per_answer=7.4,
    measured_at=100.0,
)


def test_an_exam_is_one_entry_a_skill():
    first, second = transcript([STANDING])
    assert (first.kind, first.verdict, first.source) == ("arithmetic", 0.75, "exam")
    assert (first.node, first.model, first.at, first.tokens) == ("you", "m", 100.0, 7)
    assert (second.kind, second.verdict) == ("word", 0.0)
    assert first.task != second.task


def test_the_same_exam_is_the_same_entries():
    assert list(transcript([STANDING])) == list(transcript([STANDING]))


@pytest.mark.parametrize("change", [{"measured_at": 101.0}, {"model": "n"}, {"node": NodeId("us")}])
def test_another_exam_is_others(change):
    other = msgspec.structs.replace(STANDING, **change)
    told = {entry.key for entry in transcript([STANDING])}
    assert told.isdisjoint(entry.key for entry in transcript([other]))
