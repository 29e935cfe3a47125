import json

import msgspec
import pytest

from modelnet.application.gateway.endpoint import EventStream
from modelnet.core.error import UnknownModelError
from modelnet.core.standing import Standing, Tally

STANDING = Standing(
    examiner="did:key:z6MkAlice0001",
    node="did:key:z6MkBob000002",
    model="zoo:calc",
    skills={"logic": Tally(15.0, 20.0), "arithmetic": Tally(20.0, 20.0)},
    latency_s=0.0123,
    tokens_per_answer=7.25,
    measured_at=1.8e9,
)
WHOLE = [{"progress": {"done": n, "of": 40}} for n in range(41)] + [{"standing": STANDING}]


@pytest.fixture
def examiner(serve):
    """Serve an exam endpoint that sends what it is given; returns the orders it got."""
    orders = []

    def start(events, error=None):
        async def stream():
            for event in events:
                yield b"data: " + msgspec.json.encode(event) + b"\n\n"
            yield b"data: [DONE]\n\n"

        async def exam(request):
            orders.append(json.loads(request.body))
            if error is not None:
                raise error
            return EventStream(events=stream())

        serve(routes={("POST", "/modelnet/v1/exam"): exam})
        return orders

    return start


def test_table(cli, examiner):
    orders = examiner(WHOLE)
    result = cli("exam", "zoo:calc@bob", "--skill", "logic", "--seed", "7", "--questions", "5")
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines == [
        ["SKILL", "RIGHT", "OF", "SHARE"],
        ["arithmetic", "20", "20", "100%"],
        ["logic", "15", "20", "75%"],
        [],
        ["zoo:calc:", "12", "ms", "and", "7.2", "tokens", "an", "answer."],
    ]
    assert orders == [{"model": "zoo:calc@bob", "skills": ["logic"], "questions": 5, "seed": 7}]


def test_json(cli, examiner):
    orders = examiner(WHOLE)
    told = json.loads(cli("exam", "zoo:calc", "--json").out)
    assert told["share"] == {"arithmetic": 1.0, "logic": 0.75}
    assert told["standing"]["skills"]["logic"] == [15.0, 20.0]
    assert orders == [{"model": "zoo:calc", "skills": None, "questions": 20, "seed": None}]


def test_exam_that_ends_without_a_result(cli, examiner):
    examiner(WHOLE[:-1])
    result = cli("exam", "zoo:calc")
    assert (result.code, result.out) == (6, "")
    assert result.err == "The exam ended without a result: hold it again.\n"


def test_unknown_model(cli, examiner):
    examiner([], error=UnknownModelError("No model 'x' is reachable."))
    result = cli("exam", "x")
    assert (result.code, result.err) == (3, "No model 'x' is reachable.\n")
