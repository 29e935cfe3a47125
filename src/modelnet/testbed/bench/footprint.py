"""What a node without models costs: memory when idle, and the time until it is ready."""

import statistics
from pathlib import Path

import anyio

from modelnet.application.demo.process import Fleet, NodeSpec
from modelnet.core.error import SetupError

_IDLE_S = 3.0
_BYTES_PER_MB = 1_000_000


async def footprint(home: Path, starts: int) -> tuple[float, float]:
    """Return megabytes of resident memory, and the median seconds from start to ready."""
    home = home / "footprint"
    await anyio.Path(home).mkdir(parents=True)
    async with Fleet(home) as fleet:
        # The first one reads Python's files from the disk; the others show the node itself.
        node = await fleet.start_node(_spec(0))
        await anyio.sleep(_IDLE_S)
        resident_mb = _resident_mb(node.child.pid)
        await node.leave()
        times_s: list[float] = []
        for i in range(1, starts + 1):
            node = await fleet.start_node(_spec(i))
            times_s.append(node.ready_at_s - node.child.started_at_s)
            await node.leave()
    return resident_mb, statistics.median(times_s)


def _spec(number: int) -> NodeSpec:
    return NodeSpec(name=f"n{number}", network="bench-footprint")


def _resident_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError as error:
        raise SetupError(
            "The memory of a process is read from /proc: run this on Linux."
        ) from error
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / _BYTES_PER_MB
