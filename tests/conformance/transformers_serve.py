"""`transformers serve`, the server of Hugging Face's library, in a process of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.conformance.server_process import ServerProcess

START_S = 60.0
WATCHED_S = 0.1
"""How long a server is watched to see whether it works."""


class Server(NamedTuple):
    """A server that is up."""

    url: str
    pid: int

    def is_busy(self) -> bool:
        """Whether it works: it tells nobody, so the time of its processor must."""
        watched = psutil.Process(self.pid)
        watched.cpu_percent()
        return watched.cpu_percent(interval=WATCHED_S) > 20


@contextmanager
def serving(home: Path, *model: Path) -> Iterator[Server]:
    """Run a server of one model, or one that knows of none; skip where it is not installed."""
    for library in ("torch", "fastapi"):
        pytest.importorskip(library, reason="transformers[serving] is not installed")
    program = Path(sys.executable).with_name("transformers")
    options = ["--host", "127.0.0.1", "--device", "cpu"]
    started = ServerProcess(
        lambda port: [program, "serve", *model, *options, "--port", str(port)],
        home / "log",
        START_S,
        os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
    )
    try:
        started.wait_until_up()
        yield Server(started.url, started.process.pid)
    finally:
        started.end()
