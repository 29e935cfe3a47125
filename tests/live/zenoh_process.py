"""Nodes in processes of their own, to be killed, frozen and cut off."""

import json
import signal
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.streams.text import TextReceiveStream

PATIENCE_S = 45.0
SCRIPT = Path(__file__).with_name("zenoh_node.py")


class NodeProcess:
    """What a process said, and signals to it."""

    def __init__(self, process):
        self._process = process
        self._said = []
        self._bell = anyio.Event()

    @property
    def node(self):
        return self._said[0]["node"]

    @property
    def listen(self):
        return self._said[0]["listen"]

    @property
    def failure(self):
        """The error it ended with instead of getting ready, if so."""
        return self._said[0] if self._said[0]["event"] == "error" else None

    async def read(self):
        """Note what it says until it ends."""
        rest = ""
        with suppress(anyio.ClosedResourceError):
            async for text in TextReceiveStream(self._process.stdout):
                *lines, rest = (rest + text).split("\n")
                self._said += [json.loads(line) for line in lines]
                self._bell.set()

    async def hears(self, timeout_s=PATIENCE_S, *, since=0.0, **wanted):
        """Return the first thing it says that has these values."""
        with anyio.fail_after(timeout_s):
            while True:
                for line in self._said:
                    if line["at"] >= since and wanted.items() <= line.items():
                        return line
                self._bell = anyio.Event()
                await self._bell.wait()

    def now(self):
        """Return the time by the clock it tells time by."""
        return time.time()

    def has_said(self, **wanted):
        return any(wanted.items() <= line.items() for line in self._said)

    async def ready(self):
        """Return when it has joined, or ended with an error."""
        with anyio.fail_after(PATIENCE_S):
            while not self._said:
                self._bell = anyio.Event()
                await self._bell.wait()

    async def ask(self, peer, body):
        """Make it ask another node."""
        command = json.dumps({"ask": peer.node, "body": body}) + "\n"
        await self._process.stdin.send(command.encode())

    def kill(self):
        return self._signal(signal.SIGKILL)

    def freeze(self):
        return self._signal(signal.SIGSTOP)

    def thaw(self):
        return self._signal(signal.SIGCONT)

    def _signal(self, number):
        """Send a signal and return when that was."""
        now = time.time()
        self._process.send_signal(number)
        return now


class Nodes:
    """Starts nodes; all of them end with the test."""

    def __init__(self, tasks):
        self._tasks = tasks
        self._processes = []

    async def start(self, *, namespace=None, **settings):
        """Start a node with these settings and return once it has joined, or failed to."""
        command = [sys.executable, str(SCRIPT), json.dumps({"multicast": False} | settings)]
        if namespace is not None:
            command = ["ip", "netns", "exec", namespace, *command]
        process = await anyio.open_process(command, stderr=None)
        self._processes.append(process)
        node = NodeProcess(process)
        self._tasks.start_soon(node.read)
        await node.ready()
        return node

    async def end(self):
        with anyio.CancelScope(shield=True):
            for process in self._processes:
                if process.returncode is None:
                    process.kill()
                await process.aclose()


@asynccontextmanager
async def nodes_of_a_test():
    """A factory of nodes."""
    async with anyio.create_task_group() as tasks:
        nodes = Nodes(tasks)
        try:
            yield nodes
        finally:
            await nodes.end()
            tasks.cancel_scope.cancel()
