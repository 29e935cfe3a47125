import json
import os
import shutil
import socket
import sys

import anyio
import pytest

from modelnet.application.cli.checkup import extra, hardware, machine, node, offering
from modelnet.application.presence import PRESENCE_FILE
from modelnet.core.error import ModelFileError
from modelnet.core.machine import Gpu, Machine
from modelnet.resource import detection, specification, zoo
from modelnet.resource.backend.scripted import ScriptedModel
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


def test_a_server_without_models_is_told_how_to_get_one(cli, engines):
    engines.append(DetectedEngine("Ollama", "http://127.0.0.1:11434", (), "ollama"))
    engines.append(DetectedEngine("vLLM", "http://127.0.0.1:8000", ()))
    out = cli("doctor").out
    assert "Ollama at http://127.0.0.1:11434: no models" in out
    assert "mend it: ollama pull llama3.2" in out
    assert "vLLM at http://127.0.0.1:8000: no models" in out


def test_a_server_that_wants_a_key_is_told_with_how_to_give_it(cli, engines):
    engines.append(DetectedEngine("vLLM", "http://127.0.0.1:8000", (), needs_key=True))
    told = json.loads(cli("doctor", "--json").out)["checks"]
    (server,) = [one for one in told if one["check"] == "servers"]
    assert server["level"] == "warn"
    assert server["told"] == "vLLM at http://127.0.0.1:8000: wants its key, in a variable"
    assert server["fix"] == (
        "MY_KEY=... modelnet up --model 'openai:http://127.0.0.1:8000#MODEL;key=MY_KEY'"
    )


def test_what_a_model_can_do_is_seen_by_starting_it(cli, engines):
    engines.append(DetectedEngine("vLLM", "http://127.0.0.1:9", ("gone",)))
    told = json.loads(cli("doctor", "--json").out)["checks"]
    zoo_model, gone = [one for one in told if one["check"] == "abilities"]
    assert zoo_model["told"].startswith("zoo:calc: chat, complete")
    assert "log-probabilities" in zoo_model["told"]
    assert gone["level"] == "warn"
    assert gone["told"].startswith("gone does not start: ")
    assert gone["fix"] == "modelnet up --model 'openai:http://127.0.0.1:9#gone'"


@pytest.mark.anyio
async def test_a_model_that_does_not_start_in_time_is_stopped(monkeypatch):
    class Sleeper(ScriptedModel):
        async def start(self):
            await anyio.sleep_forever()

        async def stop(self):
            stopped.append(self.card.name)

    stopped = []
    monkeypatch.setattr(offering, "START_S", 0.01)
    monkeypatch.setattr(specification, "model_from", lambda _: Sleeper())
    finding = await offering.check_abilities("python:a:b", "sleeper", "fix")
    assert (finding.level, finding.fix, stopped) == ("warn", "fix", ["scripted"])


def test_memory_and_disk():
    roomy = Machine(cpu="C", cores=2, memory_bytes=16 << 30, memory_free_bytes=8 << 30)
    assert [one.level for one in hardware.findings(roomy)] == ["ok", "ok", "ok"]
    full = Machine(cpu="C", cores=0.5, memory_bytes=16 << 30, memory_free_bytes=1 << 29)
    processor, memory, _ = hardware.findings(full)
    assert processor.told == "C, 0.5 cores usable"
    assert (memory.level, memory.told) == ("warn", "only 0.5 of 17 GB free")


H100 = Gpu("H100", 85_000_000_000, 80_000_000_000)


@pytest.mark.parametrize(
    ("gpus", "has_driver", "has_nvml", "offloads", "level", "fix"),
    [
        ((), False, True, False, "ok", None),
        ((), True, False, False, "ok", "python -m pip install 'ai-modelnet[gpu]'"),
        ((), True, True, False, "warn", "nvidia-smi"),
        ((H100,), True, True, False, "ok", "llama-server -m FILE.gguf"),
        ((H100,), True, True, True, "ok", None),
    ],
)
def test_gpu(gpus, has_driver, has_nvml, offloads, level, fix):
    finding = hardware.gpu_finding(
        gpus, has_driver=has_driver, has_nvml=has_nvml, offloads=offloads
    )
    assert (finding.level, finding.fix) == (level, fix)
    assert all(gpu.name in finding.told for gpu in gpus)


def test_extras(monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "torch" else object())
    told = {one.check: one for one in extra.check_extras()}
    assert told["onnx"].fix is None
    assert told["transformers"].fix == "python -m pip install 'ai-modelnet[transformers]'"
    assert {one.level for one in told.values()} == {"ok"}


def test_keys_are_told_by_name_alone():
    environ = {
        "OPENAI_API_KEY": "sk-1",
        "MODELNET_KEY_HOST": "sk-2",
        "GROQ_API_KEY": "",
        "HOME": "/",
    }
    finding = extra.check_keys(environ)
    assert (finding.level, finding.told) == ("ok", "set: OPENAI_API_KEY, MODELNET_KEY_HOST")
    assert "sk-" not in str(finding)
    assert extra.check_keys({}).fix == "export ANTHROPIC_API_KEY=..."


def test_a_hint_is_no_problem(cli, monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    result = cli("doctor")
    assert "to add it: python -m pip install 'ai-modelnet[onnx]'" in result.out
    assert result.code == 0


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
