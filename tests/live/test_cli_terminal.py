"""What a person at a terminal sees that a program does not: colours, progress, live news."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

pytestmark = pytest.mark.live

MODELNET = [sys.executable, "-c", "from modelnet.application.cli import main; main()"]
LIMIT_S = 30
PRESS_AGAIN_S = 5
ESCAPE = "\x1b["

MODELS = """
import asyncio

async def late(prompt: str):
    await asyncio.sleep(1.5)
    yield "at last"
"""


@pytest.fixture
def env(tmp_path):
    (tmp_path / "mine.py").write_text(MODELS)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELNET_", "NO_COLOR"))}
    own = {"PYTHONPATH": str(tmp_path), "MODELNET_DATA_DIR": str(tmp_path / "data")}
    return {**kept, **own, "TERM": "xterm-256color", "COLUMNS": "100"}


@pytest.fixture
def terminal(env, tmp_path):
    """Run a command at a terminal; `stop_at` is the text after which Ctrl-C is pressed."""

    def run(*arguments, stop_at=None, **variables):
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [*MODELNET, *arguments],
            env={**env, **variables},
            cwd=tmp_path,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        finger = threading.Thread(target=_press_ctrl_c, args=(process,))
        shown = b""
        try:
            while piece := _read(master):
                shown += piece
                if stop_at and stop_at in shown.decode(errors="replace"):
                    stop_at = None
                    finger.start()
        finally:
            watchdog.cancel()
            os.close(master)
        return process.wait(LIMIT_S), shown.decode().replace("\r\n", "\n")

    return run


def _press_ctrl_c(process) -> None:
    """Press it, and again where Python lost it: a moment before `input` waits, it does not hear."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PRESS_AGAIN_S)


def _read(master) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # how Linux says that the last program has left the terminal
        return b""


@pytest.fixture
def node(env, tmp_path):
    options = ["--no-multicast", "--no-exams", "--port", "0", "--model", "python:mine:late"]
    process = subprocess.Popen(
        [*MODELNET, "up", *options, "--json"],
        env=env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    watchdog = threading.Timer(LIMIT_S, process.kill)
    watchdog.start()
    json.loads(process.stdout.readline())
    yield
    watchdog.cancel()
    process.kill()
    process.communicate()


@pytest.mark.usefixtures("node")
def test_waiting_is_shown_on_a_terminal_only(terminal, env):
    code, shown = terminal("ask", "hi")
    assert code == 0
    assert "Waiting for auto" in shown
    assert shown.rstrip().endswith("at last")
    piped = subprocess.run(
        [*MODELNET, "ask", "hi"],
        check=False,
        env=env,
        capture_output=True,
        timeout=LIMIT_S,
    )
    assert (piped.stdout, piped.stderr) == (b"at last\n", b"")


@pytest.mark.usefixtures("node")
def test_exam_shows_how_far_it_is(terminal):
    code, shown = terminal("exam", "late", "--skill", "logic", "--questions", "2")
    assert code == 0
    assert "Examining late" in shown


def test_colours_unless_refused(terminal):
    assert ESCAPE in terminal("doctor")[1]
    assert ESCAPE not in terminal("doctor", NO_COLOR="1")[1]


def test_ctrl_c_leaves_the_network(terminal):
    code, shown = terminal(
        *("up", "--no-models", "--no-multicast", "--port", "0"), stop_at="Ctrl-C stops it."
    )
    assert code == 130
    assert shown.endswith("\nLeaving the network.\n")
    assert "Traceback" not in shown


def test_a_new_key_is_made_only_after_a_yes(terminal, tmp_path):
    from modelnet.trust.key import open_key

    old = open_key(tmp_path / "data").node
    code, shown = terminal("keys", "rotate", stop_at="[y/N]")
    assert code in (1, 130)
    assert "Traceback" not in shown
    assert open_key(tmp_path / "data").node == old
