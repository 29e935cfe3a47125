import json

import msgspec
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import LimitError, OverloadedError, UnknownModelError
from modelnet.core.task import Contribution
from modelnet.core.wish import NO_WISH, Weights, Wish
from modelnet.service.explanation import Considered, Explanation, Pathway, Unable


def considered(model: str, node: str, name: str, p_right: float) -> Considered:
    return Considered(
        model=model, node=node, node_name=name, p_right=p_right, deviation=0.05, asked=12.4,
        expected_s=0.01, time_worth=0.0001, cost_usd=0.002, cost_worth=0.01, running=1, waiting=2,
        parallel=4, failures=1, rests_s=7.0, value=0.9, because="best.",
    )  # fmt: skip


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


EXPLANATION = Explanation(
    strategy="single",
    name="auto",
    operation="chat",
    kind="arithmetic",
    kinds={"arithmetic": 0.9, "facts": 0.1},
    language="English",
    parts=("numbers",),
    difficulty=0.43,
    answer_tokens=4.2,
    p_per_second=0.01,
    p_per_dollar=5.0,
    considered=(
        considered("zoo:calc", "did:key:z6MkAlice0001", "alice", 0.94),
        considered("a-model-of-a-long-name-from-afar:latest", "did:key:z6MkBob000002", "", 0.2),
    ),
    others=3,
    unable=(Unable(model="blind", node="did:key:z6MkBob000002", node_name="", why="It is blind."),),
    because="zoo:calc of alice is the first to ask.",
)


def test_what_was_considered(cli, voice):
    voice.explanation = EXPLANATION
    result = cli("ask", "123+456", "--explain")
    assert result.out == "579\n"
    lines = result.err.splitlines()
    assert lines[1].startswith("Understood as arithmetic 90%, facts 10%; asked for 'auto'")
    assert lines[2] == (
        "It is in English with numbers; models are wrong here with 0.43; "
        "an answer has about 4 tokens."
    )
    lines = [*lines[:2], *lines[3:]]
    assert lines[2].split() == "MODEL RIGHT JUDGED TIME COST QUEUE VALUE STATE".split()
    assert lines[3].split() == [
        *("zoo:calc", "@alice", "0.94", "±0.05", "12", "10", "ms", "$0.002", "1+2/4", "0.900"),
        *("rests", "7", "s"),
    ]
    assert "@ob000002" in lines[4]
    assert lines[5:7] == ["... and 3 more.", "blind of ob000002: It is blind."]
    assert "is the first to ask" in lines[8]
    assert lines[9].startswith("Was it right? Say so: modelnet feedback chatcmpl-")


def test_what_pathways_would_gain(cli, voice):
    expected = {"p_right": 0.95, "cost_usd": 0.002, "expected_s": 0.2}
    voice.explanation = msgspec.structs.replace(
        EXPLANATION,
        strategy="cascade",
        plan="cascade: worth 0.080 more",
        pathways=(
            Pathway(strategy="single", gain=0.0, least_gain=0.0, **expected),
            Pathway(strategy="cascade", gain=0.08, least_gain=0.04, **expected),
            Pathway(strategy="race", gain=-0.1, least_gain=None, **expected),
        ),
    )
    lines = cli("ask", "123+456", "--explain").err.splitlines()
    assert "asked for 'auto'" in lines[1]
    assert lines[8:11] == [
        "single: right with 0.95, $0.002, 200 ms",
        "cascade: right with 0.95, $0.002, 200 ms; worth +0.080 more, +0.040 at least",
        "race: right with 0.95, $0.002, 200 ms; worth -0.100 more",
    ]


def test_what_was_considered_as_json(cli, voice):
    voice.explanation = EXPLANATION
    told = json.loads(cli("ask", "123+456", "--explain", "--json").out)
    assert told["explanation"]["considered"][0]["p_right"] == 0.94
    assert "explanation" not in json.loads(cli("ask", "123+456", "--json").out)


def test_nobody_was_considered(cli, voice):
    result = cli("ask", "x", "--explain")
    assert (result.code, result.err) == (0, "This node does not say who was considered.\n")


def test_limits_and_weights_reach_the_node(cli, voice):
    cli(
        *("ask", "hi", "--max-cost", "0.01", "--max-seconds", "2", "--min-quality", "0.8"),
        *("--weigh", "second=.05, dollar=20"),
    )
    assert voice.heard[0].wish == Wish(
        max_cost_usd=0.01,
        max_latency_s=2.0,
        min_quality=0.8,
        weights=Weights(second=0.05, dollar=20.0),
    )
    cli("ask", "hi")
    assert voice.heard[1].wish == NO_WISH


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--max-cost", "-1", "`max_cost_usd` must be a number from 0 on, not -1"),
        ("--max-cost", "nan", "`max_cost_usd` must be a number from 0 on, not nan"),
        ("--max-seconds", "0", "`max_latency_s` must be more than 0"),
        ("--min-quality", "1.2", "`min_quality` must be from 0 to 1, not 1.2"),
        ("--weigh", "second=-1", "`weights.second` must be a number from 0 on"),
        ("--weigh", "minute=1", "'minute=1' in --weigh is not understood"),
        ("--weigh", "second=1,second=2", "'second=2' in --weigh is not understood"),
        ("--weigh", "dollar", "'dollar' in --weigh is not understood"),
        ("--weigh", "dollar=much", "'dollar=much' in --weigh is not understood"),
    ],
)
def test_what_is_no_limit_is_refused(cli, voice, option, value, said):
    result = cli("ask", "hi", option, value)
    assert result.code == 2
    assert said in result.err
    assert not voice.heard


def test_nobody_within_the_limits(cli, voice):
    voice.reply = lambda _: [LimitError("The cheapest able model costs $0.004.")]
    assert cli("ask", "hi", "--max-cost", "0.001").code == 2
    told = json.loads(cli("ask", "hi", "--max-cost", "0.001", "--json").out)
    assert told["error"]["code"] == "limit_exceeded"


def test_limits_and_who_they_exclude_are_explained(cli, voice):
    dear = Unable(
        model="big", node="did:key:z6MkBob000002", node_name="bob", why="may cost $0.02 (...)"
    )
    voice.explanation = msgspec.structs.replace(
        EXPLANATION, max_cost_usd=0.01, max_latency_s=2.0, min_quality=0.8, excluded=(dear,)
    )
    said = cli("ask", "hi", "--explain").err
    assert "Limits: at most $0.01; at most 2 s, 19 times in 20; right with at least 0.8.\n" in said
    assert "big of bob: may cost $0.02 (...)\n" in said
