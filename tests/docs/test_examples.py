"""The examples of the documents run, and the README stays short."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def examples() -> list:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
        for page in pages
        for number, code in enumerate(FENCE.findall(page.read_text()))
    ]


@pytest.fixture(scope="session")
def node_url(tmp_path_factory):
    """A running node, as the examples with the openai client expect one."""
    home = tmp_path_factory.mktemp("node")
    command = [sys.executable, "-m", "modelnet", "up", "--json", "--no-multicast", "--port", "0"]
    command += ["--data-dir", str(home), "--model", "zoo:facts"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    yield re.search(r'"openai_url":\s*"([^"]+)"', line)[1]
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.mark.live
@pytest.mark.parametrize("code", examples())
def test_an_example_runs(code, node_url, tmp_path):
    code = code.replace("http://127.0.0.1:11711/v1", node_url)
    script = tmp_path / "example.py"
    script.write_text(code)
    env = {
        "PATH": "",
        "HOME": str(tmp_path),
        "MODELNET_DATA_DIR": str(tmp_path / "data"),
        "MODELNET_MULTICAST": "false",
        "MODELNET_PORT": "0",
        "PYTHONWARNINGS": "error",
    }
    run = subprocess.run(
        [sys.executable, script],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_links_of_the_documents_lead_somewhere():
    pages = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
