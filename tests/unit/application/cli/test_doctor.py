import json
import os
import shutil
import socket
import sys

import pytest

from modelnet.application.cli.checkup import machine, node, offering
from modelnet.application.presence import PRESENCE_FILE
from modelnet.core.error import ModelFileError
from modelnet.resource import detection, zoo
from modelnet.resource.detection import DetectedEngine
from modelnet.trust.key import KEY_FILE, open_key


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    running = []

    async def detect():
        return running

    monkeypatch.setattr(detection, "detect_engines", detect)
    return running


def test_report(cli, engines):
    engines.append(DetectedEngine("Ollama", "http://127.0.0.1:11434", ("phi4",)))
    result = cli("doctor")
    lines = [line.split(maxsplit=2) for line in result.out.splitlines() if line]
    checks = [line[1] for line in lines]
    for check in ("python", "packages", "zoo", "data", "key", "node", "port", "clock"):
        assert check in checks
    assert ["ok", "servers", "Ollama at http://127.0.0.1:11434: phi4"] in lines


def test_a_failure_comes_with_its_remedy_and_an_exit_code(cli, home):
    open_key(home)
    (home / KEY_FILE).chmod(0o644)
    result = cli("doctor")
    assert result.code == 9
    assert f"mend it: chmod 600 {home / KEY_FILE}" in result.out
    told = json.loads(cli("doctor", "--json").out)
    assert told["is_healthy"] is False
    (key,) = [one for one in told["checks"] if one["check"] == "key"]
    assert (key["level"], key["fix"]) == ("fail", f"chmod 600 {home / KEY_FILE}")


def test_python(monkeypatch):
    assert machine.check_python().level == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert machine.check_python().level == "fail"


def test_packages(monkeypatch):
    assert machine.check_packages().level == "ok"
    needed = ["aiohttp>=3.12,<4", "nosuch-package>=1", "ruff; extra == 'dev'"]
    monkeypatch.setattr(machine, "requires", lambda _: needed)
    finding = machine.check_packages()
    assert (finding.level, finding.told) == ("fail", "missing: nosuch-package")
    assert finding.fix == "python -m pip install --upgrade ai-modelnet"


def test_engine_that_does_not_load(monkeypatch):
    monkeypatch.setattr(machine, "_ENGINES", {"no_such_module": "llama.cpp"})
    (finding,) = machine.check_engines()
    assert (finding.check, finding.level) == ("llama.cpp", "fail")


def test_data_directory(home, tmp_path):
    assert node.check_data_dir(home).level == "ok"
    assert node.check_data_dir(tmp_path / "absent").level == "ok"
    home.chmod(0o777)
    assert node.check_data_dir(home).fix == f"chmod go-w {home}"
    (tmp_path / "file").touch()
    assert node.check_data_dir(tmp_path / "file").level == "fail"


def test_disk_nearly_full(home, monkeypatch):
    nearly = shutil._ntuple_diskusage(1 << 40, (1 << 40) - 1024, 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly)
    assert node.check_data_dir(home).level == "warn"


def test_key(home):
    assert node.check_key(home).told == "will be made on first start"
    assert node.check_key(home).level == "ok"
    made = open_key(home)
    assert node.check_key(home).told == made.node
    (home / KEY_FILE).write_text("garbage")
    finding = node.check_key(home)
    assert (finding.level, finding.fix) == (
        "fail",
        f"mv {home / KEY_FILE} {home / KEY_FILE}.broken",
    )


@pytest.mark.anyio
async def test_stale_and_corrupt_node_file(home):
    assert (await node.check_presence(home))[0].told == "none runs here now"
    file = home / PRESENCE_FILE
    file.write_text('{"url": "http://127.0.0.1:9/v1", "pid": 1, "node": "did:key:z"}')
    finding, running = await node.check_presence(home)
    assert (finding.level, finding.fix, running) == ("warn", f"rm {file}", None)
    file.write_text("{")
    assert (await node.check_presence(home))[0].fix == f"rm {file}"


@pytest.mark.parametrize("keys", [(), ("secret",)])
def test_running_node(cli, serve, home, keys):
    url = f"{serve(keys=keys)}/v1"
    told = {"url": url, "pid": os.getpid(), "node": "did:key:z"}
    (home / PRESENCE_FILE).write_text(json.dumps(told))
    checks = json.loads(cli("doctor", "--json").out)["checks"]
    (finding,) = [one for one in checks if one["check"] == "node"]
    assert finding["told"] == f"process {os.getpid()} answers at {url}"


def test_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert machine.check_port("127.0.0.1", port, None).fix == "modelnet up --port 0"
        own = machine.check_port("127.0.0.1", port, f"http://127.0.0.1:{port}/v1")
        assert own.told == f"{port} is this node's own"
    assert machine.check_port("127.0.0.1", 0, None).level == "ok"


def test_usual_port_taken_is_no_problem(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(machine, "DEFAULT_PORT", server.getsockname()[1])
        finding = machine.check_port("127.0.0.1", None, None)
    assert finding.level == "ok"
    assert finding.told.endswith("the next free one is taken")


def test_loopback_and_multicast(monkeypatch):
    assert machine.check_loopback().level == "ok"
    # No group of this address exists: the kernel refuses to join it.
    monkeypatch.setattr(machine, "MULTICAST_GROUP", ("10.0.0.1", 7446))
    finding = machine.check_multicast()
    assert (finding.level, finding.fix) == (
        "warn",
        "modelnet up --no-multicast --join tcp/HOST:PORT",
    )


def test_clock(home):
    assert machine.check_clock(home, now=1.8e9).level == "ok"
    assert "before this version was released" in machine.check_clock(home, now=1.0e9).told
    (home / "state").touch()
    os.utime(home / "state", (1.9e9, 1.9e9))
    finding = machine.check_clock(home, now=1.8e9)
    assert (finding.level, finding.fix) == ("fail", "sudo timedatectl set-ntp true")


def test_zoo(monkeypatch):
    assert offering.check_zoo().level == "ok"
    entry = zoo.ZooEntry("zoo:calc", "calc.gguf", "0" * 64)
    absent = zoo.ZooEntry("zoo:text", "absent.gguf", "0" * 64)
    monkeypatch.setattr(zoo, "zoo_entries", lambda: {"zoo:calc": entry, "zoo:text": absent})
    assert offering.check_zoo().told == "damaged: zoo:calc, zoo:text"

    def unreadable():
        raise ModelFileError("The list of the zoo cannot be read; install the package again.")

    monkeypatch.setattr(zoo, "zoo_entries", unreadable)
    assert offering.check_zoo().level == "fail"
