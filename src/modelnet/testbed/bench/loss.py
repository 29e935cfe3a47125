"""How soon the others notice that a node is gone: killed, frozen, or behind a cut."""

import signal
import statistics
import time
from pathlib import Path

from modelnet.testbed.bench.crowd import Crowd, Member, gathered
from modelnet.testbed.bench.partition import Partition, open_partition

NOTICE_S = 30.0
SIZE = 5
SIDE_SIZE = 3


async def killed(home: Path, repetitions: int) -> float:
    """Return the median time until the last of the others noticed a SIGKILL."""
    return await _median(home / "killed", signal.SIGKILL, repetitions)


async def frozen(home: Path, repetitions: int) -> float:
    """Return the median time until the last of the others noticed a SIGSTOP."""
    return await _median(home / "frozen", signal.SIGSTOP, repetitions)


async def partition_healed(home: Path, repetitions: int) -> tuple[float, str]:
    """Return the median time from mending a cut until all knew all again, and what was cut."""
    async with open_partition() as cut, gathered(home / "partition", "bench-partition") as crowd:
        await _fill(crowd, cut)
        await crowd.know_each_other(NOTICE_S)
        times_s = [await _healed(crowd, cut) for _ in range(repetitions)]
        return statistics.median(times_s), cut.what


async def _healed(crowd: Crowd, cut: Partition) -> float:
    """Cut until no side knows the other, mend, and return how long it took to be whole."""
    await cut.cut()
    a, b = crowd.members[:SIDE_SIZE], crowd.members[SIDE_SIZE:]
    for side, other in ((a, b), (b, a)):
        gone = {member.node for member in other}
        await crowd.all_see(lambda m, gone=gone: gone.isdisjoint(m.known), side, NOTICE_S)
    await cut.mend()
    mended_at_s = time.monotonic()
    return max(0.0, await crowd.know_each_other(NOTICE_S) - mended_at_s)


async def _fill(crowd: Crowd, cut: Partition) -> None:
    first = await crowd.start("a0", prefix=cut.prefix("a"), settings=cut.settings("a", ()))
    for side in ("a", "b"):
        join = cut.way_to(first.ready.listen[0], side)
        settings = cut.settings(side, (join,))
        for i in range(1 if side == "a" else 0, SIDE_SIZE):
            await crowd.start(f"{side}{i}", prefix=cut.prefix(side), settings=settings)


async def _median(home: Path, what: signal.Signals, repetitions: int) -> float:
    times_s: list[float] = []
    async with gathered(home, "bench-loss") as crowd:
        first = await crowd.start("n0")
        join = {"join": first.ready.listen}
        await crowd.start_many([f"n{i}" for i in range(1, SIZE)], at_once=2, settings=join)
        for i in range(repetitions):
            victim = await crowd.start(f"victim{i}", settings=join)
            await crowd.know_each_other(NOTICE_S)
            times_s.append(await _noticed(crowd, victim, what))
    return statistics.median(times_s)


async def _noticed(crowd: Crowd, victim: Member, what: signal.Signals) -> float:
    """Send a member a signal and return when the last of the others has lost it."""
    crowd.members.remove(victim)
    sent_at_s = time.monotonic()
    victim.child.send(what)
    await crowd.all_see(lambda member: victim.node in member.lost, crowd.members, NOTICE_S)
    victim.child.send(signal.SIGKILL)
    return max(member.lost[victim.node] for member in crowd.members) - sent_at_s
