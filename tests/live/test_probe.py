"""`modelnet models --probe` as people run it: a real node, a real engine, another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

import modelnet
from modelnet.application.settings import load_settings
from modelnet.service.ability import claims

pytestmark = [pytest.mark.anyio, pytest.mark.live]
MODELNET = [sys.executable, "-c", "from modelnet.application.cli import main; main()"]


def shout(prompt: str) -> str:
    return prompt.upper()


def broken(prompt: str) -> str:
    raise ValueError(prompt)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELNET_", "PYTEST_"))}
    return subprocess.run(
        [*MODELNET, "models", "--probe", *arguments],
        env={**kept, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_what_is_claimed_by_a_real_engine_and_by_functions(tmp_path):
    told = {"name": "alice", "multicast": False, "port": 0, "data_dir": tmp_path, "exams": False}
    settings = load_settings(told, environ={}, file=tmp_path / "none.toml")
    async with modelnet.Node(settings, models=["zoo:calc", shout, broken]) as node:
        assert node.url is not None
        matrix = await run_sync(run, tmp_path, "--url", node.url)
        alone = await run_sync(run, tmp_path, "--url", node.url, "-m", "zoo:calc", "--json")
        cards = {card.name: card for card in node.cards}
    lines = matrix.stdout.splitlines()
    assert (matrix.returncode, matrix.stderr) == (0, "")
    assert max(map(len, lines[:4])) <= 100
    rows = {line.split()[0]: line.split()[2:16] for line in lines[1:4]}
    assert rows["shout"][:3] == ["✓", "✓", "·"]
    assert rows["broken"][:2] == ["✗", "✗"]
    assert any(line.startswith("broken@alice: chat fails: ") for line in lines)
    (one,) = json.loads(alone.stdout)["models"]
    assert set(one["findings"]) == set(claims(cards["zoo:calc"]))
    # A model as small as this may never end what its grammar holds it to.
    failed = {
        ability: found["why"]
        for ability, found in one["findings"].items()
        if found["verdict"] != "works" and ability != "schema"
    }
    assert failed == {}
    assert one["speed"]["tokens_per_s"] > 0
