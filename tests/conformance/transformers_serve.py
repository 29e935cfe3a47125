"""`transformers serve`, the server of Hugging Face's library, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

START_S = 60.0
WATCHED_S = 0.1
"""How long a server is watched to see whether it works."""


class Server(NamedTuple):
    """A server that is up."""

    url: str
    process: subprocess.Popen[bytes]

    def is_busy(self) -> bool:
        """Whether it works: it tells nobody, so the time of its processor must."""
        watched = psutil.Process(self.process.pid)
        watched.cpu_percent()
        return watched.cpu_percent(interval=WATCHED_S) > 20


@contextmanager
def serving(home: Path, *model: Path) -> Iterator[Server]:
    """Run a server of one model, or one that knows of none; skip where it is not installed."""
    for library in ("torch", "fastapi"):
        pytest.importorskip(library, reason="transformers[serving] is not installed")
    port = _free_port()
    program = Path(sys.executable).with_name("transformers")
    process = subprocess.Popen(
        [program, "serve", *model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", process)
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "transformers serve ended"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=START_S):
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    pytest.fail("transformers serve does not answer")
