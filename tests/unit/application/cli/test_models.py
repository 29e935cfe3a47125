import json

import pytest

from modelnet.application.cli.models import load, price, weights
from modelnet.application.gateway.catalog import LoadView
from modelnet.core.card import Price


def test_table(cli, serve):
    serve()
    result = cli("models")
    lines = [line.split() for line in result.out.splitlines()]
    assert result.code == 0
    assert lines[0][:2] == ["MODEL", "NODE"]
    assert lines[1] == ["big", "bob", "chat", "7B", "2", "of", "2,", "3", "wait", "$0.15/$0.6"]
    assert lines[2] == (
        "zoo:calc alice arithmetic 96%, logic ? chat, complete 0.64M idle free".split()
    )


def test_json(cli, serve):
    serve()
    told = json.loads(cli("models", "--json").out)["models"]
    assert [one["id"] for one in told] == ["zoo:calc@alice", "big@bob"]
    assert told[0]["skills"] == {"arithmetic": {"right": 23.0, "asked": 24.0}}
    assert told[1]["load"] == {"running": 2, "waiting": 3, "parallel": 2}


def test_no_models(cli, serve, voice):
    voice.known = ()
    serve()
    assert cli("models").out.startswith("No model is reachable")
    assert json.loads(cli("models", "--json").out) == {"models": []}


def test_nodes(cli, serve):
    serve()
    lines = [line.split() for line in cli("nodes").out.splitlines()]
    assert lines[1] == ["alice", "(this", "node)", "zoo:calc", "did:key:z6MkAlice0001"]
    assert lines[2] == ["bob", "big", "did:key:z6MkBob000002"]


def test_nodes_as_json(cli, serve):
    serve()
    told = json.loads(cli("nodes", "--json").out)["nodes"]
    assert [(one["name"], one["is_local"]) for one in told] == [("alice", True), ("bob", False)]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (None, "?"),
        (640_000, "0.64M"),
        (3_300_000, "3.3M"),
        (25_000_000, "25M"),
        (700_000_000, "700M"),
        (7_000_000_000, "7B"),
        (405_000_000_000, "405B"),
    ],
)
def test_weights(parameters, told):
    assert weights(parameters) == told


def test_load_and_price():
    assert load(LoadView(0, 0, 4)) == "idle"
    assert load(LoadView(1, 0, 4)) == "1 of 4"
    assert price(Price()) == "free"
