"""Answers that are code, tried on a real node by the asker's tests: before or after the end."""

import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import anyio
import msgspec
import pytest

import modelnet
from modelnet.application.settings import Settings, load_settings
from modelnet.core.card import Price
from modelnet.core.error import SetupError
from modelnet.core.standing import Standing, Tally
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.directory import StandingAnnounced
from modelnet.resource.sandbox.sandbox import obstacle
from modelnet.service.skill import SKILLS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.live,
    pytest.mark.skipif(obstacle() is not None, reason=f"no sandbox here: {obstacle()}"),
]

QUESTION = "Write a function add(a, b) in Python."
RIGHT = "Here:\n```python\ndef add(a, b):\n    return a + b\n```\n"
WRONG = "Here:\n```python\ndef add(a, b):\n    return a - b\n```\n"
TESTS = "def test_add():\n    assert add(1, 2) == 3\n    assert add(-1, 1) == 0\n"


def settings(folder: Path, **more) -> Settings:
    told = {"multicast": False, "port": 0, "data_dir": folder, "exams": False, **more}
    return load_settings(told, environ={}, file=folder / "none.toml")


def member(name: str, answer: str, price: float = 0.0) -> ScriptedModel:
    card = msgspec.structs.replace(scripted_card(name), price=Price(price, price))
    return ScriptedModel(lambda _: answer, card=card)


async def node_of(stack, folder: Path, cheap: str, dear: str, **more):
    """A node that runs tests, and its two models, of which the dear one is a little better."""
    models = member("cheap", cheap, price=10.0), member("dear", dear, price=500.0)
    told = settings(folder, run_tests=True, **more)
    node = await stack.enter_async_context(modelnet.Node(told, models=models))
    p_right = {"cheap": 0.7, "dear": 0.9}
    standings = tuple(
        Standing(
            examiner=node.id,
            node=node.id,
            model=name,
            skills={skill: Tally(100 * p, 100) for skill in SKILLS},
            latency_s=0.2,
            tokens_per_answer=20.0,
            measured_at=time.time(),
        )
        for name, p in p_right.items()
    )
    node.parts.watcher.tell(StandingAnnounced(node.id, standings))
    return node, models


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


async def asked(node, model: str, status: int = 200, **options) -> dict:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "modelnet": {"tests": TESTS, **options},
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{node.url}/chat/completions", json=body) as response,
    ):
        told = await response.json()
        assert response.status == status, told
        return told


def text_of(told: dict) -> str:
    return told["choices"][0]["message"]["content"]


async def kept(node, count: int) -> list[dict]:
    """Return what is stored, as soon as it is as much."""
    url = f"{node.url.removesuffix('/v1')}/modelnet/v1/feedback"
    with anyio.fail_after(30):
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(url) as response:
                    lines = (await response.text()).splitlines()
                if len(lines) >= count:
                    return [json.loads(line) for line in lines]


async def test_a_cascade_asks_on_where_tests_fail(tmp_path, stack):
    node, (cheap, dear) = await node_of(stack, tmp_path, WRONG, RIGHT)
    told = await asked(node, "cascade:best")
    assert text_of(told) == RIGHT
    assert (len(cheap.requests), len(dear.requests)) == (1, 1)
    assert "assert" not in str(cheap.requests + dear.requests)
    # The answer that was not told was tried as well, and says something of its model.
    verdicts = {(one["model"], one["source"], one["verdict"]) for one in await kept(node, 2)}
    assert verdicts == {("cheap", "verifier", 0.0), ("dear", "verifier", 1.0)}


async def test_a_cascade_stops_where_tests_pass(tmp_path, stack):
    node, (cheap, dear) = await node_of(stack, tmp_path, RIGHT, RIGHT)
    told = await asked(node, "cascade")
    assert text_of(told) == RIGHT
    assert (len(cheap.requests), len(dear.requests)) == (1, 0)
    because = told["modelnet"]["contributors"][0]["because"]
    assert float(because.split(" probable")[0].split()[-1]) > 0.95


async def test_a_race_is_won_by_what_passes(tmp_path, stack):
    node, models = await node_of(stack, tmp_path, RIGHT, WRONG)
    told = await asked(node, "race:best")
    assert text_of(told) == RIGHT
    assert all(model.requests for model in models)


async def test_the_stream_has_ended_before_the_verdict_comes(tmp_path, stack):
    node, _ = await node_of(stack, tmp_path, WRONG, WRONG)
    told = await asked(node, "cheap")
    assert text_of(told) == WRONG
    (entry,) = await kept(node, 1)
    assert (entry["model"], entry["source"], entry["verdict"]) == ("cheap", "verifier", 0.0)


async def test_a_task_that_is_not_kept_teaches_but_is_not_stored(tmp_path, stack):
    node, _ = await node_of(stack, tmp_path, WRONG, WRONG)
    await asked(node, "cheap", keep=False)
    await asked(node, "dear")
    entries = await kept(node, 1)
    assert [entry["model"] for entry in entries] == ["dear"]


async def test_a_node_that_may_not_run_tests_says_so(tmp_path):
    async with modelnet.Node(settings(tmp_path), models=[member("cheap", RIGHT)]) as node:
        told = await asked(node, "auto", status=400)
        assert told["error"]["param"] == "modelnet.tests"
        assert "--run-tests" in told["error"]["message"]


async def test_tests_that_are_no_python_are_refused(tmp_path, stack):
    node, models = await node_of(stack, tmp_path, RIGHT, RIGHT)
    told = await asked(node, "auto", status=400, tests="assert add(")
    assert told["error"]["param"] == "modelnet.tests"
    await asked(node, "auto", status=400, tests="")
    assert all(model.requests == [] for model in models)


async def test_a_node_does_not_start_where_no_tests_can_be_run(tmp_path, monkeypatch):
    monkeypatch.setattr("modelnet.resource.sandbox.sandbox.obstacle", lambda: "no walls")
    with pytest.raises(SetupError, match="no walls"):
        async with modelnet.Node(settings(tmp_path, run_tests=True)):
            pass


async def test_the_command_line_reads_tests_from_a_file(tmp_path, stack):
    node, (_, dear) = await node_of(stack, tmp_path / "node", WRONG, RIGHT)
    file = tmp_path / "test_add.py"
    file.write_text(TESTS)
    command = [sys.executable, "-m", "modelnet", "ask", QUESTION, "--url", node.url]
    options = ["--model", "cascade:best", "--tests", str(file), "--json"]
    done = await anyio.run_process([*command, *options], check=False)
    assert json.loads(done.stdout)["answer"] == RIGHT, done.stderr
    assert len(dear.requests) == 1
    missing = await anyio.run_process([*command, "--tests", str(tmp_path / "none.py")], check=False)
    assert missing.returncode != 0
    assert "cannot be read" in missing.stderr.decode()
