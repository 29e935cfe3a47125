"""Pictures: drawn where matplotlib is, and a note where it is not."""

import sys

import pytest

from modelnet.testbed.bench.routing.plot import Spot, cost_quality, online_rates, regret

SPOTS = [Spot(name="a", cost=1.0, accuracy=60.0), Spot(name="b", cost=9.0, accuracy=80.0)]
ORACLE = Spot(name="oracle", cost=0.5, accuracy=95.0)
PNG = b"\x89PNG"


def drawn(folder):
    return [
        cost_quality("set", SPOTS, SPOTS[:1], SPOTS, ORACLE, folder / "cost.png"),
        online_rates("set", {"ours": {"1.0": 90.0, "0.5": 88.0}}, folder / "online.png"),
        regret("set", {"ours": [0.0, 3.0, 4.0]}, 300, folder / "regret.png"),
    ]


def test_without_matplotlib_a_note_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for note in drawn(tmp_path):
        assert "pip install" in note
    assert not list(tmp_path.iterdir())


def test_every_picture_is_a_png(tmp_path):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "made" / "on the way"
    assert drawn(folder) == [None, None, None]
    for name in ("cost", "online", "regret"):
        assert (folder / f"{name}.png").read_bytes().startswith(PNG)


def test_costs_of_nothing_and_many_lines_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    free = [Spot(name="free", cost=0.0, accuracy=50.0)]
    assert cost_quality("set", free, [], [], None, tmp_path / "free.png") is None
    curves = {f"way {k}": {"1.0": 90.0 - k, "0.5": 80.0 - k} for k in range(6)}
    assert online_rates("set", curves, tmp_path / "many.png") is None


def test_nothing_measured_is_no_picture(tmp_path):
    pytest.importorskip("matplotlib")
    notes = [
        cost_quality("set", [], [], [], ORACLE, tmp_path / "a.png"),
        online_rates("set", {}, tmp_path / "b.png"),
        regret("set", {}, 0, tmp_path / "c.png"),
    ]
    assert all("nothing was measured" in note for note in notes)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    pytest.importorskip("matplotlib")
    taken = tmp_path / "cost.png"
    taken.mkdir()
    assert "cannot be written" in cost_quality("set", SPOTS, [], [], None, taken)
