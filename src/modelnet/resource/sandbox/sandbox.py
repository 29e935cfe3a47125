"""Unit tests run against code that a model wrote, where neither can do any harm.

Two processes without files, network, signals and children, with little memory and time: one has
the tests, one the code, and plain values are all that passes between them, so that code can talk
its way past no assert. See `docs/adr/0031-tests-as-verdicts.md`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import msgspec
from anyio.abc import Process

from modelnet.core.error import SetupError
from modelnet.resource.sandbox.proof import Proof

TESTS_S = 10.0
"""What tests and code may take together."""

_GRACE_S = 5.0
"""For an interpreter to start on a busy machine, and for the end to be told."""
_MOST_TOLD_BYTES = 1 << 14
_MOST_CHARACTERS = 400
_ROOT = Path(__file__).parents[3]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from modelnet.resource.sandbox.inside.warden import main; main()"
)
_TRIAL_CODE = "def add(a, b):\n    return a + b\n"
_TRIAL_TESTS = "assert add(1, 2) == 3\n"


class _Told(msgspec.Struct):
    is_right: bool | None = None
    because: str = ""
    broken: str | None = None


_NOT_TOLD = _Told(because="the tests did not end")


def obstacle() -> str | None:
    """Return why nothing can be run here, where that can be told without trying."""
    if not sys.platform.startswith("linux"):
        return "the sandbox is made of parts of Linux"
    from modelnet.resource.sandbox.inside import wall

    return wall.obstacle()


class Sandbox:
    """Runs tests; how many at once is up to who asks it to."""

    def __init__(self, tests_s: float = TESTS_S, *, has_namespaces: bool = True) -> None:
        """Allow tests so many seconds; without namespaces there is no directory to write to."""
        self._tests_s = tests_s
        self._has_namespaces = has_namespaces

    async def trial(self) -> None:
        """Return if tests can be run on this machine.

        Raises:
            SetupError: they cannot.
        """
        proof = await self.judge(_TRIAL_CODE, _TRIAL_TESTS)
        if not proof.is_right:
            raise SetupError(f"No tests can be run here: {proof.because}.")

    async def judge(self, code: str, tests: str) -> Proof:
        """Return what the tests say of the code; the caller sets the deadline.

        Raises:
            SetupError: the walls cannot be raised here, so that nothing was run.
        """
        if (why := obstacle()) is not None:
            raise SetupError(f"No tests can be run here: {why}.")
        run = {
            "code": code,
            "seconds": self._tests_s,
            "has_namespaces": self._has_namespaces,
        }
        told = await self._run(_framed(run) + _framed(tests))
        if told.broken is not None:
            raise SetupError(f"No tests can be run here: {told.broken}.")
        return Proof(told.is_right, _printable(told.because))

    async def _run(self, asked: bytes) -> _Told:
        with anyio.move_on_after(self._tests_s + _GRACE_S):
            async with _warden() as process:
                raw = await _exchanged(process, asked)
                with suppress(msgspec.DecodeError):
                    return msgspec.json.decode(raw, type=_Told)
        return _NOT_TOLD


def _framed(message: object) -> bytes:
    """Return a message as `inside.line` reads it."""
    raw = json.dumps(message).encode()
    return len(raw).to_bytes(4, "big") + raw


def _printable(text: str) -> str:
    """Return a sentence without what the tested code may have put into it to confuse a log."""
    return "".join(one if one.isprintable() else " " for one in text)[:_MOST_CHARACTERS]


@asynccontextmanager
async def _warden() -> AsyncGenerator[Process]:
    """Start the first process; at the end, and on whatever error, end all three."""
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, str(_ROOT)]
    process = await anyio.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await process.aclose()


async def _exchanged(process: Process, asked: bytes) -> bytes:
    """Send what is to be run, and return what is told, as far as it is believable."""
    if process.stdin is None or process.stdout is None:
        return b""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.send(asked)
        await process.stdin.aclose()
    raw = b""
    with suppress(anyio.EndOfStream):
        while len(raw) <= _MOST_TOLD_BYTES:
            raw += await process.stdout.receive()
    return raw
