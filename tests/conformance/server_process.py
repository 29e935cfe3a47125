"""A server that is a program of others: started on a free port, ended with all it started."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

LOOK_S = 0.1
"""Between two looks at a server that is not up yet."""
GOODBYE_S = 20.0
"""How long a server may take to leave before it is killed."""


class ServerProcess:
    """One server on loopback, in a process group of its own."""

    def __init__(
        self,
        command: Callable[[int], Sequence[str | Path]],
        log: Path,
        start_s: float,
        environment: Mapping[str, str],
    ) -> None:
        """Start it, without waiting: `command` is given the port; what it says goes to `log`."""
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._start_s = start_s
        self._deadline = time.monotonic() + start_s
        self._is_up = False
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                command(port),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_up(self) -> None:
        """Return once it is healthy. One that did not come up in its time fails at once again."""
        while not self._is_up:
            if (status := self.process.poll()) is not None:
                pytest.fail(f"The server ended with status {status}:\n{self._said()}")
            if time.monotonic() > self._deadline:
                pytest.fail(f"The server was not up in {self._start_s} s:\n{self._said()}")
            self._is_up = self._is_healthy()
            if not self._is_up:
                time.sleep(LOOK_S)

    def end(self) -> None:
        """End it and every process it started: by its own ways, or for good."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GOODBYE_S)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # All of the group may be gone.
            os.killpg(self.process.pid, number)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=self._start_s):
                return True
        except (OSError, HTTPException):
            return False

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
