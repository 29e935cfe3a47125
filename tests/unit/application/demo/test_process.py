"""Processes of a fleet: they say they are ready, and none outlives it."""

import os
import signal
import sys

import anyio
import pytest

from modelnet.application.demo.process import Fleet, NodeSpec, plain_environment
from modelnet.core.error import SetupError

PATIENT = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PATIENT}"


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def python(code):
    return [sys.executable, "-c", code]


@pytest.mark.anyio
async def test_a_process_ends_with_its_fleet(tmp_path):
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("one", python(PATIENT))
        assert await child.first_line() == b"ready"
        assert is_running(child.pid)
    assert not is_running(child.pid)


@pytest.mark.anyio
async def test_a_frozen_process_ends_with_its_fleet(tmp_path):
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("one", python(PATIENT))
        await child.first_line()
        child.send(signal.SIGSTOP)
    assert not is_running(child.pid)


@pytest.mark.anyio
async def test_processes_end_when_their_fleet_is_cancelled(tmp_path):
    with anyio.CancelScope() as scope:
        async with Fleet(tmp_path) as fleet:
            child = await fleet.start("one", python(PATIENT))
            await child.first_line()
            scope.cancel()
            await anyio.sleep_forever()
    assert not is_running(child.pid)


@pytest.mark.anyio
async def test_one_that_does_not_listen_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("modelnet.application.demo.process.GOODBYE_S", 0.05)
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("one", python(STUBBORN))
        await child.first_line()
    assert not is_running(child.pid)


@pytest.mark.anyio
async def test_the_last_words_of_a_process_that_fails_are_told(tmp_path):
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("one", python("raise SystemExit('no space left')"))
        with pytest.raises(SetupError, match="one ended before it was ready: no space left"):
            await child.first_line()


@pytest.mark.anyio
async def test_one_that_is_never_ready_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("modelnet.application.demo.process.START_S", 0.05)
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("one", python("import time; time.sleep(60)"))
        with pytest.raises(SetupError, match="one was not ready"):
            await child.first_line()


@pytest.mark.anyio
async def test_settings_of_this_process_do_not_leak_into_nodes(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELNET_MODELS", "zoo:calc")
    async with Fleet(tmp_path) as fleet:
        code = "import os; print(os.environ.get('MODELNET_MODELS'), os.getcwd(), flush=True)"
        line = await (await fleet.start("one", python(code))).first_line()
    assert line.decode() == f"None {(tmp_path / 'one').resolve()}"


def test_the_environment_keeps_everything_else():
    assert plain_environment({"MODELNET_PORT": "1", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_a_node_is_told_its_models_and_whom_to_join(tmp_path):
    spec = NodeSpec(name="bob", network="n", models=("zoo:text", "zoo:calc"), join=("tcp/h:1",))
    arguments = " ".join(spec.arguments(tmp_path))
    assert "--model zoo:text --model zoo:calc --join tcp/h:1" in arguments
    assert "--no-models" not in arguments
    assert "--no-models" in NodeSpec(name="hub", network="n").arguments(tmp_path)
