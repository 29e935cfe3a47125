"""The real `modelnet` command: processes, signals, sockets, files."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

MODELNET = [sys.executable, "-c", "from modelnet.application.cli import main; main()"]
LIMIT_S = 30

MODELS = """
import asyncio

def shout(prompt: str) -> str:
    return prompt.upper()

async def slow(prompt: str):
    for word in range(10_000):
        yield f"{word} "
        await asyncio.sleep(0.01)
"""


@pytest.fixture
def env(tmp_path):
    """An environment without settings of this machine, with models to serve."""
    (tmp_path / "mine.py").write_text(MODELS)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELNET_", "PYTEST_"))}
    return {**kept, "PYTHONPATH": str(tmp_path), "COLUMNS": "100", "NO_COLOR": "1"}


@pytest.fixture
def modelnet(env, tmp_path):
    """Run one command to its end."""

    def run(*arguments, home="a", **kwargs):
        return subprocess.run(
            [*MODELNET, *arguments, "--data-dir", str(tmp_path / home)],
            check=False,
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            **kwargs,
        )

    return run


@pytest.fixture
def up(env, tmp_path):
    """Start nodes; whatever still runs at the end is killed."""
    started = []

    def start(*arguments, home="a", is_json=True):
        options = ["--no-multicast", "--no-exams", "--port", "0", "--name", home]
        process = subprocess.Popen(
            [*MODELNET, "up", *options, "--data-dir", str(tmp_path / home), *arguments]
            + (["--json"] if is_json else []),
            env=env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        started.append((process, watchdog))
        return process

    yield start
    for process, watchdog in started:
        watchdog.cancel()
        process.kill()
        process.communicate()


def ready(process) -> dict:
    return json.loads(process.stdout.readline())


def line_with(process, text: str) -> str:
    return next(line for line in process.stdout if text in line)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_up_says_where_it_is_once_and_leaves_cleanly(up, tmp_path, sent, code):
    process = up("--model", "python:mine:shout")
    told = ready(process)
    assert set(told) == {"node", "name", "openai_url", "dashboard_url", "listen", "models"}
    assert (told["name"], told["models"], told["dashboard_url"]) == ("a", ["shout"], None)
    file = tmp_path / "a" / "node.json"
    assert json.loads(file.read_text()) == {
        "url": told["openai_url"],
        "pid": process.pid,
        "node": told["node"],
    }
    assert file.stat().st_mode & 0o777 == 0o600
    with urllib.request.urlopen(f"{told['openai_url']}/models", timeout=10) as reply:
        assert "shout" in {model["id"] for model in json.load(reply)["data"]}
    process.send_signal(sent)
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (code, "", "")
    assert not file.exists()


def test_ask_and_the_tables(up, modelnet):
    ready(up("--model", "python:mine:shout"))
    asked = modelnet("ask", "hello")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "HELLO\n", "")
    piped = modelnet("ask", "-", "--json", input="from a pipe")
    assert json.loads(piped.stdout)["answer"] == "FROM A PIPE"
    assert "shout" in modelnet("models").stdout
    assert "a (this node)" in modelnet("nodes").stdout
    unknown = modelnet("ask", "hi", "-m", "nobody")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert unknown.stderr.count("\n") == 1


def test_exam(up, modelnet):
    ready(up("--model", "python:mine:shout"))
    options = ["--skill", "arithmetic", "--questions", "3", "--seed", "1"]
    told = json.loads(modelnet("exam", "shout", *options, "--json").stdout)
    assert told["standing"]["skills"] == {"arithmetic": [0.0, 3.0]}
    again = json.loads(modelnet("exam", "shout", *options, "--json").stdout)
    assert again["share"] == {"arithmetic": 0.0}
    unknown = modelnet("exam", "shout", "--skill", "poetry")
    assert unknown.returncode == 2
    assert "poetry" in unknown.stderr


def test_nodes_come_and_go(up, modelnet):
    alice = up("--no-models", is_json=False)
    endpoint = line_with(alice, "listens").split()[-1]
    bob = up("--model", "bobs=python:mine:shout", "--join", endpoint, home="b")
    ready(bob)
    assert line_with(alice, "b joined").strip().endswith("b joined with bobs.")
    told = json.loads(modelnet("nodes", "--json").stdout)["nodes"]
    assert [(node["name"], node["models"]) for node in told] == [("a", []), ("b", ["bobs"])]
    rows = modelnet("nodes").stdout.splitlines()
    assert rows[0].split() == ["NODE", "MODELS", "MACHINE", "ID"]
    assert "GB free" in rows[1]
    asked = modelnet("ask", "hello", "-m", "bobs@b", "--show-contributors")
    assert asked.stdout == "HELLO\n"
    assert asked.stderr.startswith("bobs of b: ")
    bob.kill()
    assert line_with(alice, "b left.")


def test_one_data_directory_is_one_node(up, modelnet):
    told = ready(up("--no-models"))
    second = modelnet("up", "--no-models", "--no-multicast", "--port", "0")
    assert second.returncode == 9
    assert f"A node already runs here at {told['openai_url']}" in second.stderr
    rotated = modelnet("keys", "rotate", "--yes")
    assert rotated.returncode == 9


def test_a_killed_node_is_missed_and_can_start_again(up, modelnet):
    first = up("--model", "python:mine:shout")
    ready(first)
    first.kill()
    first.wait()
    missed = modelnet("ask", "hi")
    assert missed.returncode == 10
    assert missed.stderr.startswith(f"The node that ran here (process {first.pid}) is gone")
    ready(up("--model", "python:mine:shout"))
    assert modelnet("ask", "hi").stdout == "HI\n"


def test_bearer_key(up, modelnet, env):
    ready(up("--model", "python:mine:shout", "--api-key", "secret"))
    assert modelnet("models").returncode == 4
    env["MODELNET_API_KEY"] = "secret"
    assert modelnet("ask", "hi").stdout == "HI\n"


def test_ctrl_c_in_the_middle_of_an_answer(up, env, tmp_path):
    told = ready(up("--model", "python:mine:slow"))
    asking = subprocess.Popen(
        [*MODELNET, "ask", "count", "--url", told["openai_url"]],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(LIMIT_S, asking.kill)
    watchdog.start()
    assert asking.stdout.read(4) == "0 1 "
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate(timeout=LIMIT_S)
    watchdog.cancel()
    assert (asking.returncode, err) == (130, "")
    assert out.endswith("\n")


@pytest.fixture
def taken_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_port_in_use(modelnet, taken_port):
    result = modelnet("up", "--no-models", "--no-multicast", "--port", str(taken_port))
    assert result.returncode == 10
    assert result.stderr.count("\n") == 1
    assert f"Port {taken_port} on 127.0.0.1 is in use" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--no-models", "--join", "tcp/127.0.0.1:9"], 10, "tcp/127.0.0.1:9"),
        (["--no-models", "--host", "0.0.0.0"], 9, "bearer key"),
        (["--no-models", "--network", "No Such Name"], 9, "network"),
        (["--no-models", "--invitation", "modelnet-invite:x:y"], 9, "invitation"),
        (["--no-models", "--model", "python:mine:shout"], 9, "exclude each other"),
        (["--no-models", "--client"], 9, "--join"),
        (["--no-models", "--client", "--gateway"], 9, "not both"),
        (["--model", "nonsense"], 9, "nonsense"),
        (["--model", "python:mine:absent"], 9, "absent"),
        (["--model", "gguf:absent.gguf"], 12, "absent.gguf"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(modelnet, arguments, code, says):
    result = modelnet("up", "--no-multicast", "--port", "0", *arguments, "--json")
    assert result.returncode == code, result.stderr
    assert result.stderr == ""
    assert says in json.loads(result.stdout)["error"]["message"]


def test_corrupt_key(modelnet, tmp_path):
    modelnet("up", "--no-models", "--no-multicast", "--join", "tcp/127.0.0.1:9")
    key = Path(json.loads(modelnet("keys", "--json").stdout)["file"])
    key.write_text("not a key")
    result = modelnet("up", "--no-models", "--no-multicast", "--port", "0")
    assert result.returncode == 11
    assert str(key) in result.stderr


def test_help_is_quick(modelnet):
    begun_s = os.times().children_user
    assert modelnet("keys", "--help").returncode == 0
    assert os.times().children_user - begun_s < 1.0
