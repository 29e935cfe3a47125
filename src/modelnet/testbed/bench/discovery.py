"""How soon a crowd is one: all but the last node know each other, then the last one joins."""

from pathlib import Path

from modelnet.testbed.bench.crowd import gathered

MEET_S = 60.0
_STARTS_AT_ONCE = 2


async def discovery(home: Path, count: int) -> float:
    """Return seconds from the last node's beginning to join until all `count` nodes know all."""
    async with gathered(home / f"discovery-{count}", "bench-discovery") as crowd:
        first = await crowd.start("n0")
        join = {"join": first.ready.listen}
        names = [f"n{i}" for i in range(1, count - 1)]
        await crowd.start_many(names, at_once=_STARTS_AT_ONCE, settings=join)
        await crowd.know_each_other(MEET_S)
        last = await crowd.start(f"n{count - 1}", settings=join)
        return max(0.0, await crowd.know_each_other(MEET_S) - last.ready.began_at_s)
