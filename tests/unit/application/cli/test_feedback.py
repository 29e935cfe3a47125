import json

import pytest

from modelnet.application.gateway.endpoint import LINES, EventStream, Reply, json_reply
from modelnet.application.gateway.feedback.reading import entries_in
from modelnet.core.error import JudgedError, StorageError, UnknownTaskError

ENTRIES = [b'{"task":"%d"}\n' % number for number in range(300)]


class Desk:
    """The endpoints of feedback, as the test wants them."""

    def __init__(self) -> None:
        self.bodies: list[dict] = []
        self.queries: list[bytes] = []
        self.studied: list[int] = []
        self.error: Exception | None = None
        self.lines = ENTRIES
        self.broken_after: int | None = None

    async def give(self, http) -> Reply:
        if self.error is not None:
            raise self.error
        self.bodies.append(json.loads(http.body))
        shares = [
            {"node": "did:key:z6MkAlice0001", "model": "zoo:calc", "share": 0.75},
            {"node": "did:key:z6MkBob000002", "model": "big", "share": 1.0},
        ]
        told = {"object": "modelnet.feedback", "id": "ab", "score": 0.5, "kind": "facts"}
        return json_reply({**told, "taught": shares})

    async def export(self, _) -> EventStream:
        async def lines():
            for number, line in enumerate(self.lines):
                if number == self.broken_after:
                    raise StorageError("The disk is gone.")
                yield line

        return EventStream(events=lines(), media_type=LINES)

    async def study(self, http) -> Reply:
        told = entries_in(http.body)
        self.studied.append(len(told))
        return json_reply({"object": "modelnet.feedback.learnt", "learnt": len(told)})

    async def delete(self, http) -> Reply:
        self.queries.append(http.query)
        return json_reply({"object": "modelnet.feedback.deleted", "deleted": 1})


@pytest.fixture
def desk(serve) -> Desk:
    desk = Desk()
    path = "/modelnet/v1/feedback"
    serve(
        routes={
            ("POST", path): desk.give,
            ("GET", path): desk.export,
            ("PUT", path): desk.study,
            ("DELETE", path): desk.delete,
        }
    )
    return desk


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("right",), {"score": 1.0, "answer": None}),
        (("WRONG",), {"score": 0.0, "answer": None}),
        (("0.7",), {"score": 0.7, "answer": None}),
        (("--answer", "Paris"), {"score": None, "answer": "Paris"}),
    ],
)
def test_a_word_on_an_answer(cli, desk, arguments, said):
    for command in ("feedback",), ("feedback", "give"):
        result = cli(*command, "chatcmpl-ab", *arguments)
        assert (result.code, result.err) == (0, "")
    assert result.out == (
        "zoo:calc of ...lice0001: 0.5 on facts, for 75% of the answer\n"
        "big of ...ob000002: 0.5 on facts\n"
    )
    assert desk.bodies == [{"id": "chatcmpl-ab", **said}] * 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "ab", "right"),
        ("ab", "--json", "right"),
        ("ab", "right", "--json"),
        ("--data-dir", ".", "--json", "ab", "right"),
        ("--json", "give", "ab", "right"),
        ("give", "--json", "ab", "right"),
        ("--json", "--", "ab", "right"),
    ],
)
def test_options_stand_where_they_like(cli, desk, arguments):
    result = cli("feedback", *arguments)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["id"] == "ab"
    assert desk.bodies == [{"id": "ab", "score": 1.0, "answer": None}]


@pytest.mark.parametrize("option", [("--answer", "export"), ("--answer=export",)])
def test_a_value_is_no_command(cli, desk, option):
    assert cli("feedback", *option, "ab").code == 0
    assert desk.bodies == [{"id": "ab", "score": None, "answer": "export"}]


def test_options_of_other_commands_stand_where_they_like(cli, desk):
    assert json.loads(cli("feedback", "--json", "--yes", "delete", "--id", "ab").out)
    assert json.loads(cli("feedback", "--id", "ab", "-y", "delete", "--json").out)
    assert desk.queries == [b"id=ab"] * 2


def test_without_an_id(cli):
    assert "Missing argument 'ID'" in cli("feedback", "--json").out
    assert "delete" in cli("feedback", "--help").out


def test_json(cli, desk):
    assert json.loads(cli("feedback", "ab", "right", "--json").out)["taught"][0]["share"] == 0.75


@pytest.mark.parametrize(
    "arguments", [(), ("1.1",), ("nan",), ("perhaps",), ("right", "--answer", "x")]
)
def test_no_word(cli, desk, arguments):
    result = cli("feedback", "ab", *arguments)
    assert (result.code, result.out) == (2, "")
    assert desk.bodies == []


@pytest.mark.parametrize(
    ("error", "code"), [(UnknownTaskError("Unknown."), 3), (JudgedError("Judged."), 2)]
)
def test_refused(cli, desk, error, code):
    desk.error = error
    result = cli("feedback", "ab", "right")
    assert (result.code, result.err) == (code, f"{error.message}\n")


def test_without_arguments(cli):
    result = cli("feedback")
    assert result.code == 2
    assert "modelnet feedback --help" in result.err


def test_export(cli, desk):
    result = cli("feedback", "export")
    assert (result.code, result.out.encode()) == (0, b"".join(ENTRIES))


def test_export_of_nothing(cli, desk):
    desk.lines = []
    result = cli("feedback", "export")
    assert (result.code, result.out) == (0, "")


@pytest.mark.parametrize("after", [0, 1, 200])
def test_an_export_that_breaks_off_says_so(cli, desk, after):
    desk.broken_after = after
    result = cli("feedback", "export")
    assert (result.code, result.err) == (13, "The disk is gone.\n")
    assert result.out.encode() == b"".join(ENTRIES[:after])


def test_deleting_needs_a_yes(cli, desk):
    result = cli("feedback", "delete")
    assert result.code == 9
    assert "--yes" in result.err
    assert desk.queries == []


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ((), b""),
        (("--before", "2026-11-24"), b"before=2026-11-24"),
        (("--before", "2026-11-24T18:00:00+01:00"), b"before=2026-11-24T18:00:00%2B01:00"),
        (("--id", "chatcmpl-ab"), b"id=chatcmpl-ab"),
    ],
)
def test_deleting(cli, desk, arguments, query):
    result = cli("feedback", "delete", "--yes", *arguments)
    assert (result.code, result.out) == (0, "1 entry destroyed.\n")
    assert desk.queries == [query]
    assert json.loads(cli("feedback", "delete", "--yes", "--json").out) == {"deleted": 1}


def test_a_date_that_is_none_deletes_nothing(cli, desk):
    assert cli("feedback", "delete", "--yes", "--before", "yesterday").code == 2
    assert desk.queries == []


def verdict_line(number: int, verdict: str = "1.0") -> str:
    return (
        f'{{"task":"t{number}","at":1.0,"kind":"facts","node":"did:key:z6MkA","model":"m",'
        f'"verdict":{verdict},"source":"user"}}\n'
    )


def test_an_export_is_learnt_in_parts(cli, desk, tmp_path):
    file = tmp_path / "export.jsonl"
    file.write_text("".join(verdict_line(n, f"{n % 2}") + "\n" for n in range(1201)))
    result = cli("feedback", "import", str(file))
    assert (result.code, result.out) == (0, "1201 verdicts learnt.\n")
    assert desk.studied == [500, 500, 201]
    assert json.loads(cli("feedback", "import", str(file), "--json").out) == {"learnt": 1201}


def test_verdicts_that_tell_nothing_apart_are_said_to(cli, desk, tmp_path):
    file = tmp_path / "export.jsonl"
    file.write_text(verdict_line(1))
    result = cli("feedback", "import", str(file))
    assert result.out.splitlines()[0] == "1 verdict learnt."
    assert "no model from another" in result.out


@pytest.mark.parametrize("wrong", ["NaN", "1.5", "null", '"right"', "-0.1"])
def test_of_a_file_with_a_wrong_line_nothing_is_sent(cli, desk, tmp_path, wrong):
    file = tmp_path / "export.jsonl"
    file.write_text(verdict_line(1) + verdict_line(2, wrong) + verdict_line(3))
    result = cli("feedback", "import", str(file))
    assert result.code != 0
    assert "Line 2 is not a verdict" in result.err
    assert desk.studied == []


def test_a_file_that_is_not_there(cli, desk, tmp_path):
    result = cli("feedback", "import", str(tmp_path / "none"))
    assert result.code != 0
    assert "cannot be read" in result.err
