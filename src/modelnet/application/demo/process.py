"""Nodes as processes of their own, and their end: nothing that was started outlives its fleet."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import msgspec
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from modelnet.core.error import SetupError

START_S = 30.0
"""How long a process may take to say that it is ready, on a busy machine."""

GOODBYE_S = 3.0
"""How long a process may take to leave before it is killed."""

_LONGEST_LINE_BYTES = 1 << 20


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A node to start: what `modelnet up` is told."""

    name: str
    network: str
    models: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def arguments(self, data_dir: Path) -> list[str]:
        """Return the arguments of `modelnet`."""
        fixed = ["up", "--json", "--no-multicast", "--port", "0"]
        named = ["--name", self.name, "--network", self.network, "--data-dir", str(data_dir)]
        models = [part for model in self.models for part in ("--model", model)]
        join = [part for endpoint in self.join for part in ("--join", endpoint)]
        return [*fixed, *named, *(models or ["--no-models"]), *join, *self.flags]


class Ready(msgspec.Struct, frozen=True):
    """What a node prints when it can be asked."""

    node: str
    name: str
    openai_url: str
    listen: tuple[str, ...]


class _Refusal(msgspec.Struct, frozen=True):
    message: str = ""


class _Refused(msgspec.Struct, frozen=True):
    error: _Refusal = _Refusal()


class ChildProcess:
    """A process that says one line at a time on standard output."""

    def __init__(self, name: str, process: Process, errors: Path, started_at_s: float) -> None:
        if process.stdout is None:
            raise ValueError("The process must be opened with a pipe for standard output.")
        self.name = name
        self.started_at_s = started_at_s
        """Seconds of the monotonic clock."""
        self._process = process
        self._errors = errors
        self._stdout = BufferedByteReceiveStream(process.stdout)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended, as far as this process has been told."""
        return self._process.returncode is None

    async def line(self) -> bytes:
        """Return the next line it prints.

        Raises:
            EndOfStream: it ended.
        """
        try:
            return await self._stdout.receive_until(b"\n", _LONGEST_LINE_BYTES)
        except anyio.IncompleteRead as error:
            raise anyio.EndOfStream from error

    async def first_line(self) -> bytes:
        """Return the line that says it is ready.

        Raises:
            SetupError: it ended, or was not ready in time.
        """
        try:
            with anyio.fail_after(START_S):
                return await self.line()
        except TimeoutError:
            raise SetupError(f"{self.name} was not ready within {START_S:.0f} s.") from None
        except anyio.EndOfStream:
            raise SetupError(
                f"{self.name} ended before it was ready: {self._last_words()}"
            ) from None

    def send(self, what: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.is_alive:
            self._process.send_signal(what)

    async def wait(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    async def release(self) -> None:
        """Close its pipe, after it has ended."""
        await self._process.aclose()

    def _last_words(self) -> str:
        # Tracebacks of several errors end in a frame drawn with `|`, `+` and `-`.
        lines = self._errors.read_text(errors="replace").splitlines()
        said = (line.strip(" |+-") for line in reversed(lines))
        return next((line for line in said if line), "it said nothing.")


class NodeProcess:
    """A node that runs `modelnet up` and is ready."""

    def __init__(self, child: ChildProcess, spec: NodeSpec, ready: Ready) -> None:
        self.child = child
        self.spec = spec
        self.ready = ready
        self.ready_at_s = time.monotonic()

    @property
    def base_url(self) -> str:
        """Where it is asked, without a path."""
        return self.ready.openai_url.removesuffix("/v1")

    def kill(self) -> float:
        """Kill it without warning; return when, in seconds of the monotonic clock."""
        at_s = time.monotonic()
        self.child.send(signal.SIGKILL)
        return at_s

    async def bury(self) -> None:
        """Wait until it has ended, after `kill`: then its data directory is free again."""
        await self.child.wait()
        await self.child.release()

    async def leave(self) -> None:
        """Let it say goodbye and end."""
        await end([self.child])


class Fleet:
    """Processes that end with the context, however it ends; each has a directory of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._children: list[ChildProcess] = []

    async def __aenter__(self) -> Self:
        """Begin without any process."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End every process that still runs."""
        with anyio.CancelScope(shield=True):
            await end(self._children)

    async def start_node(self, spec: NodeSpec) -> NodeProcess:
        """Start a node and return it when it is ready.

        Raises:
            SetupError: it could not start; the message has its own sentence.
        """
        data_dir = self._home / spec.name
        command = [sys.executable, "-m", "modelnet", *spec.arguments(data_dir)]
        child = await self.start(spec.name, command)
        line = await child.first_line()
        try:
            return NodeProcess(child, spec, msgspec.json.decode(line, type=Ready))
        except msgspec.DecodeError:
            raise SetupError(f"{spec.name} could not start: {_said(line)}") from None

    async def start(self, name: str, command: Sequence[str]) -> ChildProcess:
        """Start a process, away from this one's settings and from its terminal's Ctrl-C."""
        directory = self._home / name
        directory.mkdir(mode=0o700, exist_ok=True)
        errors = directory / "stderr.log"
        started_at_s = time.monotonic()
        with errors.open("wb") as stderr:
            process = await anyio.open_process(
                command,
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                cwd=directory,
                env=plain_environment(os.environ),
                start_new_session=True,
            )
        child = ChildProcess(name, process, errors, started_at_s)
        self._children.append(child)
        return child


async def end(children: Sequence[ChildProcess]) -> None:
    """End processes: ask all of them, give them a moment, kill those that are left."""
    alive = [child for child in children if child.is_alive]
    for child in alive:
        child.send(signal.SIGTERM)
        # One that was stopped can neither leave nor be waited for until it goes on.
        child.send(signal.SIGCONT)
    with anyio.move_on_after(GOODBYE_S):
        for child in alive:
            await child.wait()
    for child in alive:
        child.send(signal.SIGKILL)
    for child in children:
        await child.wait()
        await child.release()


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without settings of nodes: what runs here must not leak in."""
    return {name: value for name, value in environ.items() if not name.startswith("MODELNET_")}


def _said(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Refused).error.message
    except msgspec.DecodeError:
        return line.decode(errors="replace").strip()
