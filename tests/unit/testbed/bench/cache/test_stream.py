"""Streams: what is asked, and what would be right."""

import gzip
import json

import numpy as np
import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.service.cache.signature import difference, signature_of
from modelnet.testbed.bench.cache.everyday import FRAMES, TOPICS, UNSEEN
from modelnet.testbed.bench.cache.stream import everyday, of_set, paraphrased, trapped, truth_of

MODELS = ("a", "b", "c")
CHOICE = "Which planet is the largest?\nA. Mars\nB. Jupiter\nC. Venus"


def zipped(path, rows):
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    prompts = [f"What is {n} plus 1?" for n in range(30)]
    zipped(
        tmp_path / "dev_queries.jsonl.gz",
        [{"id": str(n), "domain": "sums", "prompt": text} for n, text in enumerate(prompts)],
    )
    answers = [{"a": str(n + 1), "b": str(n + 1), "c": "7"} for n in range(30)]
    zipped(tmp_path / "dev_answers.jsonl.gz", answers)
    score = np.tile([1.0, 1.0, 0.0], (30, 1))
    score[5] = 0.0
    np.savez(tmp_path / "dev.npz", models=np.array(MODELS), score=score)
    np.save(tmp_path / "dev_minilm.npy", np.random.default_rng(1).standard_normal((30, 384)))
    return tmp_path


def test_a_recorded_set(folder):
    stream, rows = of_set(folder, "dev", np.random.default_rng(0))
    assert rows.shape == (30, 384)
    by_origin = {
        origin: [asked for asked in stream if asked.origin == origin]
        for origin in ("question", "repeat", "paraphrase", "trap")
    }
    # Nobody was right on one, so that nobody knows what is.
    assert len(by_origin["question"]) == 29
    assert all(by_origin.values())
    questions = {asked.text: asked for asked in by_origin["question"]}
    assert all(questions[again.text].truth == again.truth for again in by_origin["repeat"])
    assert all(asked.row is None for asked in by_origin["trap"] + by_origin["paraphrase"])
    truths = {asked.truth for asked in by_origin["question"]}
    assert len(truths) == 29
    assert truths.isdisjoint(asked.truth for asked in by_origin["trap"])


@pytest.mark.parametrize("name", ["dev_queries.jsonl.gz", "dev_answers.jsonl.gz", "dev_minilm.npy"])
def test_what_is_missing_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InvalidRequestError):
        of_set(folder, "dev", np.random.default_rng(0))


def test_what_most_of_the_right_said():
    answers = {"a": "12", "b": "12.0", "c": "13"}
    assert truth_of("?", answers, MODELS, np.array([1.0, 1.0, 1.0])) == 12.0
    assert truth_of("?", answers, MODELS, np.array([0.0, 0.0, 1.0])) == 13.0
    assert truth_of("?", answers, MODELS, np.zeros(3)) is None
    assert truth_of("?", {}, MODELS, np.ones(3)) is None


def test_a_letter_stands_for_its_option():
    assert truth_of(CHOICE, {"a": "B"}, MODELS, np.ones(3)) == "Jupiter"
    assert truth_of("No options.", {"a": "B"}, MODELS, np.ones(3)) == "B"


def test_traps_differ_and_paraphrases_hold_on_to_the_numbers():
    rng = np.random.default_rng(0)
    question = "What is the sum of 3 and 4?"
    for _ in range(20):
        trap, other = trapped(question, rng), paraphrased(question, rng)
        assert trap is not None
        assert trap != question
        assert "3 and 4" in other
        assert other != question
    assert trapped("Tell a joke", rng) is None


@pytest.mark.parametrize("topics", [TOPICS, UNSEEN], ids=["seen", "unseen"])
def test_everyday(topics):
    stream = everyday(topics, np.random.default_rng(0))
    wordings = sum(len(topic.wordings) + len(topic.traps) for topic in topics)
    assert len(stream) == len({asked.text for asked in stream}) == wordings * len(FRAMES)
    assert all(len(topic.traps) == 2 and len(topic.wordings) >= 3 for topic in topics)


def test_frames_change_nothing():
    question = "What is the capital of France?"
    for frame in FRAMES:
        framed = signature_of(frame.format(question))
        assert difference(signature_of(question), framed) is None, frame
