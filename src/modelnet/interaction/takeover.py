"""Keeps models alive whose nodes leave: does what `service.succession` finds due, in its turn."""

import logging
import math
from contextlib import aclosing

import anyio

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError
from modelnet.interaction.mover import Mover
from modelnet.interaction.wanted import Wanted
from modelnet.resource.watcher import Watcher
from modelnet.service.succession import Demand, Due, Duty, duties

AGAIN_S = 300.0
"""After a failure, how long to leave a duty alone."""

_Key = tuple[Duty, str]

_log = logging.getLogger(__name__)


class TakeOver:
    """Watches for models that are wanted and about to be lost, or lost."""

    def __init__(self, mover: Mover, watcher: Watcher, demand: Demand, clock: Clock) -> None:
        self._mover = mover
        self._watcher = watcher
        self._demand = demand
        self._clock = clock
        self._since: dict[_Key, float] = {}
        """Since when each duty is due."""
        self._not_before: dict[_Key, float] = {}

    async def run(self) -> None:
        """Take over until cancelled, one model after another."""
        while True:
            now = self._clock()
            due = self._due(now)
            turns = {one.key: self._turn(one) for one in due}
            ready = [one for one in due if turns[one.key] <= now]
            if ready:
                await self._do(ready[0])
                continue
            with anyio.move_on_after(min(turns.values(), default=math.inf) - now):
                await self._watcher.wait()

    def _due(self, now: float) -> list[Due]:
        wanted = self._demand.wanted(now)
        due = duties(self._watcher.directory, self._mover.copies, wanted)
        self._since = {one.key: self._since.get(one.key, now) for one in due}
        return due

    def _turn(self, one: Due) -> float:
        return max(self._since[one.key] + one.wait_s, self._not_before.get(one.key, 0.0))

    async def _do(self, one: Due) -> None:
        wanted = Wanted(card=one.card, cause="takeover", is_to_be_served=one.duty == "serve")
        # Whatever comes of it: once is enough for a while.
        self._not_before[one.key] = self._clock() + AGAIN_S
        try:
            async with aclosing(self._mover.bring(wanted)) as steps:
                async for _ in steps:
                    pass
        except ModelnetError as error:
            _log.warning("could not %s %s: %s", one.duty, one.card.name, error)
        else:
            told = "serving" if one.duty == "serve" else "keeping a copy of"
            _log.info("%s %s, which no other node does", told, one.card.name)
