"""vLLM's own server: the one that runs at MODELNET_VLLM_URL, else one started for the tests.

It is started where vLLM is installed beside the tests, or with the command in MODELNET_VLLM.
"""

import atexit
import os
import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.server_process import ServerProcess

START_S = 400.0
"""It loads torch, warms its workers up and asks them: minutes where processors are few."""

OPTIONS = (
    "--host 127.0.0.1 --served-model-name babble --dtype float32 --enforce-eager "
    "--max-model-len 4096 --max-num-seqs 4"
).split()
"""Exact numbers, nothing compiled, and no more memory than a tiny model needs."""

SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # In GiB.
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}

_BUSY = re.compile(r"^vllm:num_requests_(?:running|waiting)\{.*\} (\S+)$", re.MULTILINE)


class Server(NamedTuple):
    """A vLLM that is up."""

    url: str

    def is_busy(self) -> bool:
        """Whether it works, or has work waiting."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10.0) as answer:
            counts = _BUSY.findall(answer.read().decode())
        assert counts
        return any(float(count) for count in counts)


def command_of(environment: Mapping[str, str]) -> str | Path | None:
    """Return the program that starts vLLM, if there is one."""
    if named := environment.get("MODELNET_VLLM"):
        return named
    return Path(sys.executable).with_name("vllm") if find_spec("vllm") else None


URL = os.environ.get("MODELNET_VLLM_URL") or None
COMMAND = command_of(os.environ)

MARKS = [pytest.mark.slow, pytest.mark.timeout(2 * START_S)]
"""Of tests that need a vLLM."""


def one_server(model: Callable[[Path], Path]) -> Server:
    """Return the server that runs already, or one of a model that `model` writes."""
    return started(model) if URL is None else Server(URL.rstrip("/").removesuffix("/v1"))


def started(model: Callable[[Path], Path], *options: str) -> Server:
    """Return a server of a model that `model` writes, or skip; it lasts as long as the tests."""
    if COMMAND is None:
        pytest.skip("no vLLM to start: install it, or name its command in MODELNET_VLLM")
    process = _started(COMMAND, model, options)
    process.wait_until_up()
    return Server(process.url)


@cache
def _started(
    command: str | Path, model: Callable[[Path], Path], options: tuple[str, ...]
) -> ServerProcess:
    """Start a server, once: it takes a minute."""
    stack = ExitStack()
    atexit.register(stack.close)
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder = model(home)
    places = dict.fromkeys(("VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "HF_HOME", "TMPDIR"), str(home))
    process = ServerProcess(
        lambda port: [command, "serve", folder, "--port", str(port), *OPTIONS, *options],
        home / "log",
        START_S,
        os.environ | SETTINGS | places,
    )
    stack.callback(process.end)
    return process
