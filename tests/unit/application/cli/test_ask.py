import json

import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import OverloadedError, UnknownModelError
from modelnet.core.task import Contribution


@pytest.fixture(autouse=True)
def _node(serve):
    serve()


def test_answer_is_printed(cli, voice):
    voice.reply = lambda _: _said("57", "9")
    result = cli("ask", "What is 123 plus 456?")
    assert (result.code, result.out, result.err) == (0, "579\n", "")


def test_what_is_asked_reaches_the_node(cli, voice):
    cli(
        *("ask", "hi", "--model", "a, b", "--system", "Be brief.", "--timeout", "7"),
        *("--max-tokens", "3", "--temperature", "0.5"),
    )
    task = voice.heard[0]
    assert task.models == ("a", "b")
    assert [(m.role, m.text) for m in task.request.messages] == [
        ("system", "Be brief."),
        ("user", "hi"),
    ]
    assert (task.request.sampling.max_tokens, task.request.sampling.temperature) == (3, 0.5)


def test_json_is_one_object(cli):
    result = cli("ask", "123+456", "--json")
    told = json.loads(result.out)
    assert told.pop("seconds") > 0
    assert told.pop("id").startswith("chatcmpl-")
    assert told == {
        "answer": "579",
        "model": "zoo:calc",
        "node": "did:key:z6MkAlice0001",
        "contributors": [
            {"node": "did:key:z6MkAlice0001", "model": "zoo:calc", "because": "best."}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
        "finish_reason": "stop",
    }


def test_contributors_are_named(cli, voice):
    bob = Contribution(node="did:key:z6MkBob000002", model="big", because="took over.")
    voice.reply = lambda _: [*_said("57")[:2], bob, *_said("9")[1:]]
    result = cli("ask", "123+456", "--show-contributors")
    assert result.out == "579\n"
    assert result.err == "zoo:calc of alice: best.\nbig of bob: took over.\n"


def test_prompt_from_standard_input(cli, voice, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe\n"))
    assert cli("ask", "-").code == 0
    assert voice.heard[0].request.prompt == "from a pipe\n"


def test_empty_prompt(cli):
    result = cli("ask", "  ")
    assert result.code == 2
    assert result.err.startswith("The question is empty")


def test_control_characters_of_an_answer_stay_off_the_terminal(cli, voice):
    voice.reply = lambda _: _said("a\x1b[2Jb\x07\n\tc\x9b")
    assert cli("ask", "x").out == "a[2Jb\n\tc\n"


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (UnknownModelError("No such model."), 3, "model_not_found"),
        (OverloadedError("The queue is full.", retry_after_s=2), 6, "overloaded"),
    ],
)
def test_error_before_the_answer(cli, voice, error, code, name):
    voice.reply = lambda _: [error]
    result = cli("ask", "x")
    assert (result.code, result.out, result.err) == (code, "", error.message + "\n")
    told = cli("ask", "x", "--json")
    assert told.code == code
    assert json.loads(told.out)["error"]["code"] == name
    assert told.err == ""


def test_error_in_the_middle_ends_the_line_first(cli, voice):
    voice.reply = lambda _: [*_said("57")[:2], OverloadedError("The queue is full.")]
    result = cli("ask", "x")
    assert (result.code, result.out, result.err) == (6, "57\n", "The queue is full.\n")


def _said(*texts):
    from modelnet.core.chunk import Usage

    begun = Contribution(node="did:key:z6MkAlice0001", model="zoo:calc", because="best.")
    return [begun, *(Chunk(t) for t in texts), Chunk(finish="stop", usage=Usage(5, len(texts)))]
