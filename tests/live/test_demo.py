"""`modelnet demo` as a user runs it: real processes, a real kill, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(240)]

DEMO = [sys.executable, "-m", "modelnet", "demo", "--json", "--questions", "20", "--seed", "7"]
LIMIT_S = 200

STARTED = re.compile(r"\(process (\d+)\)")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The demo, played once."""
    return subprocess.run(
        DEMO,
        check=False,
        cwd=tmp_path_factory.mktemp("demo"),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


@pytest.fixture(scope="module")
def result(played):
    """What it printed at the end."""
    assert played.stdout, played.stderr
    (line,) = played.stdout.splitlines()
    return json.loads(line)


def test_the_result_is_one_object_with_the_promised_keys(result):
    assert set(result) == {
        "nodes",
        "discovery_s",
        "questions",
        "generalist",
        "network",
        "killed_mid_answer",
        "joined_used_s",
    }
    assert result["nodes"] >= 5
    assert result["questions"] == 20
    assert set(result["network"]) == set(result["generalist"]) == {"accuracy", "p50_ms", "cost"}


def test_the_network_answers_better_and_cheaper_than_the_generalist(result):
    assert result["network"]["accuracy"] > result["generalist"]["accuracy"]
    assert result["network"]["cost"] < result["generalist"]["cost"]


def test_the_answer_survives_the_death_of_its_node(result):
    assert result["killed_mid_answer"]["completed"] is True
    assert result["killed_mid_answer"]["gap_ms"] > 0


def test_the_newcomer_is_used(result):
    assert result["joined_used_s"] > 0


def test_no_process_is_left(played):
    pids = [int(pid) for pid in STARTED.findall(played.stderr)]
    assert len(pids) >= 5
    assert not any(is_running(pid) for pid in pids)


def test_ctrl_c_ends_everything(tmp_path):
    with subprocess.Popen(
        DEMO, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        pids = []
        while len(pids) < 6:
            line = demo.stderr.readline()
            assert line, "the demo ended before its nodes had started"
            pids += [int(pid) for pid in STARTED.findall(line)]
        assert all(is_running(pid) for pid in pids)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 130
    assert not any(is_running(pid) for pid in pids)
