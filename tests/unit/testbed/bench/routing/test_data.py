"""Recorded outcomes: what is written is read, and what is broken is named."""

import gzip
import json

import numpy as np
import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.routing.answer import MISSING, ONE_CALL, TEXT
from modelnet.testbed.bench.routing.data import read_part, recorded, split_tools

TOOLS = '\n\n[functions] [{"name": "f", "parameters": {}}]'
QUERIES = [
    {"id": "1", "domain": "sums", "prompt": "1+1?"},
    {"id": "2", "domain": "tools", "prompt": "call f" + TOOLS},
]
ARRAYS = {
    "models": np.array(["a", "b"]),
    "score": np.array([[1.0, 0.0], [0.5, 1.0]]),
    "cost": np.array([[0.1, 0.2], [0.3, 0.4]]),
    "latency": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "out_tok": np.array([[5, 6], [7, 8]]),
}
ANSWERS = [{"a": "2", "b": "2.0"}, {"b": "f()"}]


def zipped(path, rows):
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    zipped(tmp_path / "dev_queries.jsonl.gz", QUERIES)
    zipped(tmp_path / "dev_answers.jsonl.gz", ANSWERS)
    np.savez(tmp_path / "dev.npz", **ARRAYS)
    np.save(tmp_path / "dev_minilm.npy", np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float16))
    return tmp_path


def saved(folder, **changes):
    arrays = {name: a for name, a in (ARRAYS | changes).items() if a is not None}
    np.savez(folder / "dev.npz", **arrays)


def test_a_part_is_read_whole(folder):
    part = read_part(folder, "dev")
    assert part.models == ("a", "b")
    assert part.domains == ("sums", "tools")
    assert part.prompts[0] == "1+1?"
    assert part.right.tolist() == ARRAYS["score"].tolist()
    assert part.cost.tolist() == ARRAYS["cost"].tolist()
    assert part.latency_s.tolist() == ARRAYS["latency"].tolist()
    assert part.embedding.tolist() == [[0.6, 0.8], [0.0, 0.0]]
    assert part.surface.shape[0] == 2
    assert part.answers.distinct.tolist() == [[0, 0], [0, 1]]
    assert part.answers.form.tolist() == [[TEXT, TEXT], [MISSING, ONE_CALL]]
    assert part.answers.tokens.tolist() == [[5.0, 6.0], [7.0, 8.0]]


def test_what_need_not_be_there_need_not(folder):
    (folder / "dev_answers.jsonl.gz").unlink()
    (folder / "dev_minilm.npy").unlink()
    saved(folder, cost=None, latency=None, out_tok=None)
    part = read_part(folder, "dev")
    assert part.answers is part.embedding is part.latency_s is None
    assert part.cost.tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert part.rows(np.array([1])).right.tolist() == [[0.5, 1.0]]
    assert part.joined(part).embedding is None


def test_answers_without_lengths(folder):
    saved(folder, out_tok=None)
    part = read_part(folder, "dev")
    assert part.answers.tokens is None
    assert part.joined(part).answers.tokens is None


def test_models_are_found_by_name_in_answers(folder):
    saved(folder, models=np.array(["b", "a"]))
    assert read_part(folder, "dev").answers.form[1].tolist() == [ONE_CALL, MISSING]


def test_rows_are_picked_from_all_there_is(folder):
    part = read_part(folder, "dev")
    for which in (np.array([1]), np.array([False, True])):
        row = part.rows(which)
        assert row.domains == ("tools",)
        assert row.prompts == (QUERIES[1]["prompt"],)
        for field in (row.right, row.cost, row.latency_s, row.surface, row.embedding):
            assert len(field) == 1
        assert row.answers.distinct.tolist() == [[0, 1]]


def test_parts_of_one_set_are_joined(folder):
    part = read_part(folder, "dev")
    both = part.joined(part.rows(np.array([0])))
    assert both.domains == ("sums", "tools", "sums")
    assert both.right.shape == both.cost.shape == both.latency_s.shape == (3, 2)
    assert both.answers.tokens.shape == (3, 2)
    assert len(both.prompts) == len(both.surface) == len(both.embedding) == 3


def test_parts_with_models_in_another_order_are_not(folder):
    part = read_part(folder, "dev")
    saved(folder, models=np.array(["b", "a"]))
    with pytest.raises(InvalidRequestError, match="one order"):
        part.joined(read_part(folder, "dev"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": None}, "lacks score"),
        ({"models": None}, "lacks models"),
        ({"score": np.array([[1.0, 2.0], [0.0, 0.0]])}, "between 0 and 1"),
        ({"score": np.array([[np.nan, 1.0], [0.0, 0.0]])}, "'score'.*not finite"),
        ({"score": np.array([[-0.5, 1.0], [0.0, 0.0]])}, "'score'.*negative"),
        ({"score": np.ones((3, 2))}, "3, 2.*2 queries and 2 models"),
        ({"models": np.array(["a"])}, "2 queries and 1 models"),
        ({"cost": np.array([[-1.0, 1.0], [0.0, 0.0]])}, "'cost'.*negative"),
        ({"cost": np.ones(2)}, "'cost' has shape"),
        ({"latency": np.full((2, 2), np.inf)}, "'latency'.*not finite"),
        ({"out_tok": np.ones((2, 3))}, "'out_tok' has shape"),
        ({"out_tok": -np.ones((2, 2))}, "'out_tok'.*negative"),
        ({"score": np.array([["x", "y"]] * 2)}, "'score' does not hold numbers"),
        ({"score": np.array([[None, 1], [0, 1]], dtype=object)}, "cannot be read"),
    ],
)
def test_arrays_that_are_wrong_are_named(folder, changes, said):
    saved(folder, **changes)
    with pytest.raises(InvalidRequestError, match=said):
        read_part(folder, "dev")


def test_verdicts_and_costs_are_read_alone(folder):
    (folder / "dev_queries.jsonl.gz").unlink()
    models, right, cost = recorded(folder, "dev")
    assert models == ("a", "b")
    assert right.tolist() == ARRAYS["score"].tolist()
    assert cost.tolist() == ARRAYS["cost"].tolist()


@pytest.mark.parametrize("score", [2.0 * np.ones((2, 2)), np.array(1.0), np.ones((2, 3))])
def test_verdicts_that_are_wrong_are_named_where_they_are_read_alone(folder, score):
    saved(folder, score=score)
    with pytest.raises(InvalidRequestError, match="score"):
        recorded(folder, "dev")


FILES = ["dev.npz", "dev_queries.jsonl.gz", "dev_answers.jsonl.gz", "dev_minilm.npy"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "bent"])
def test_files_that_are_damaged_are_named(folder, name, damage):
    path = folder / name
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "empty": b"",
            "garbage": b"\x93 this is no such file",
            "cut": whole[: middle // 2],
            "bent": whole[:8] + bytes(255 - byte for byte in whole[8:]),
        }[damage]
    )
    with pytest.raises(InvalidRequestError, match="dev"):
        read_part(folder, "dev")


@pytest.mark.parametrize("name", FILES[:2])
def test_files_that_are_missing_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InvalidRequestError, match=f"{name} cannot be read"):
        read_part(folder, "dev")


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("dev_queries.jsonl.gz", [], "has no queries"),
        ("dev_queries.jsonl.gz", [{"id": "1"}] * 2, "does not hold"),
        ("dev_queries.jsonl.gz", QUERIES[:1], "1 queries"),
        ("dev_answers.jsonl.gz", ANSWERS[:1], "1 lines for 2 queries"),
        ("dev_answers.jsonl.gz", [[], []], "does not hold"),
    ],
)
def test_lines_that_are_wrong_are_named(folder, name, rows, said):
    zipped(folder / name, rows)
    with pytest.raises(InvalidRequestError, match=said):
        read_part(folder, "dev")


@pytest.mark.parametrize(
    "rows", [np.ones((3, 2)), np.ones(2), np.full((2, 2), np.nan)], ids=["rows", "flat", "nan"]
)
def test_embeddings_that_are_wrong_are_named(folder, rows):
    np.save(folder / "dev_minilm.npy", rows)
    with pytest.raises(InvalidRequestError, match="one finite row"):
        read_part(folder, "dev")


def test_an_archive_is_no_embedding(folder):
    (folder / "dev_minilm.npy").write_bytes((folder / "dev.npz").read_bytes())
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        read_part(folder, "dev")


@pytest.mark.parametrize(
    "prompt",
    [
        "no tools",
        "x\n\n[functions] not json",
        "x\n\n[functions] {}",
        "x\n\n[functions] [1]",
        "x\n\n[functions] " + "[" * 100_000,
        "x\n\n[functions] " + '[{"a":' * 100_000,
    ],
)
def test_a_prompt_without_tools_is_all_text(prompt):
    assert split_tools(prompt) == (prompt, [])


def test_the_last_mark_is_that_of_the_tools():
    assert split_tools("say [functions]" + TOOLS)[0] == "say [functions]"
