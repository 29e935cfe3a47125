import json

import pytest

from modelnet.application.cli.matrix import Probed, marks_for, note, table
from modelnet.application.cli.models import load, price, speed, weights
from modelnet.application.gateway.catalog import LoadView
from modelnet.application.gateway.endpoint import EventStream, HttpRequest
from modelnet.application.reply import ProbeEvent
from modelnet.core import standing
from modelnet.core.card import Price
from modelnet.service.ability import ABILITIES, Finding, Speed

MARKS = marks_for("utf-8")


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
    assert lines[1] == ["alice", "(this", "node)", "zoo:calc", "?", "did:key:z6MkAlice0001"]
    assert lines[2] == ["bob", "big", "?", "did:key:z6MkBob000002"]


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


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (standing.Speed(), ""),
        (standing.Speed(first_token_s=0.0123), "12 ms"),
        (standing.Speed(first_token_s=2.345, tokens_per_s=48.6), "2.3 s, 49/s"),
    ],
)
def test_speed(seen, told):
    assert speed(seen) == told


def test_load_and_price():
    assert load(LoadView(0, 0, 4)) == "idle"
    assert load(LoadView(1, 0, 4)) == "1 of 4"
    assert price(Price()) == "free"


FOUND = [
    {"id": "zoo:calc@alice", "finding": {"ability": "chat", "verdict": "works", "seconds": 0.1}},
    {"id": "zoo:calc@alice", "speed": {"first_token_s": 0.0123, "tokens_per_s": 456.7}},
    {
        "id": "zoo:calc@alice",
        "finding": {"ability": "tools", "verdict": "fails", "why": "It called \x1b[2Jno tool."},
    },
    {
        "id": "zoo:calc@alice",
        "finding": {"ability": "context", "verdict": "untried", "why": "Nothing to try it with."},
    },
    {"id": "big@bob", "skipped": "It costs money: name it to have it tried."},
]


@pytest.fixture
def probing(serve):
    """A node that finds what it is told to; remembers the orders."""
    orders: list = []

    def start(found=FOUND, end=b"data: [DONE]\n\n"):
        async def events():
            for one in found:
                yield b"data: " + json.dumps(one).encode() + b"\n\n"
            yield end

        async def probe(request: HttpRequest) -> EventStream:
            orders.append(json.loads(request.body))
            return EventStream(events=events())

        serve(routes={("POST", "/modelnet/v1/probe"): probe})
        return orders

    return start


def test_the_matrix(cli, probing):
    orders = probing()
    result = cli("models", "--probe")
    head, row, empty, legend, *remarks = result.out.splitlines()
    assert head.split()[:4] == ["MODEL", "CHAT", "TEXT", "STEP"]
    assert row.split() == ["zoo:calc", "@alice", "✓", *"······✗·····?", "12", "ms", "457"]
    assert (empty, legend) == ("", MARKS.legend)
    assert remarks == [
        "zoo:calc@alice: tools fails: It called [2Jno tool.",
        "zoo:calc@alice: context could not be tried: Nothing to try it with.",
        "big@bob was not tried: It costs money: name it to have it tried.",
    ]
    assert orders == [{"model": None}]


def test_the_matrix_as_json(cli, probing):
    orders = probing()
    told = json.loads(cli("models", "--probe", "--model", "zoo:calc", "--json").out)["models"]
    assert [one["id"] for one in told] == ["zoo:calc@alice", "big@bob"]
    assert told[0]["findings"]["chat"] == {
        "ability": "chat", "verdict": "works", "why": "", "seconds": 0.1,
    }  # fmt: skip
    assert told[0]["speed"] == {"first_token_s": 0.0123, "tokens_per_s": 456.7}
    assert told[1]["skipped"].startswith("It costs money")
    assert orders == [{"model": "zoo:calc"}]


def test_nothing_to_probe(cli, probing):
    probing(found=[])
    assert cli("models", "--probe").out.startswith("No model is reachable")


def test_a_node_that_dies_while_probing(cli, probing):
    probing(end=b"")
    result = cli("models", "--probe")
    assert (result.code, result.out) == (6, "")
    assert "closed the connection" in result.err


def all_claimed(*names: str) -> list[Probed]:
    probed: dict[str, Probed] = {}
    for name in names:
        for ability in ABILITIES:
            found = Finding(ability=ability, verdict="works")
            note(probed, ProbeEvent(name, finding=found, speed=Speed(12.3456, 12345.6)))
    return list(probed.values())


@pytest.mark.parametrize(("width", "for_names"), [(100, 16), (80, 11)])
def test_the_matrix_leaves_room_for_names(width: int, for_names: int):
    columns, rows = table(all_claimed("a"), MARKS, width)
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)][1:]
    assert width - sum(widths) - len(widths) >= for_names


def test_a_narrow_terminal_shows_what_is_claimed():
    probed = [Probed(id="a@b", findings={"chat": Finding(ability="chat", verdict="fails")})]
    columns, rows = table(probed, MARKS, 80)
    assert [column.title for column in columns] == ["MODEL", "CHAT"]
    assert rows == [("a @b", "✗")]


@pytest.mark.parametrize("encoding", ["ascii", None, "latin-1", "nonsense"])
def test_terminals_without_the_marks(encoding: str | None):
    assert "".join(marks_for(encoding)).isascii()
    assert marks_for("utf-8") == MARKS


def test_only_one_model(cli, serve):
    serve()
    for name in ("big", "big@bob"):
        told = json.loads(cli("models", "--model", name, "--json").out)["models"]
        assert [one["id"] for one in told] == ["big@bob"]
    assert "'nope'" in cli("models", "-m", "nope").out
