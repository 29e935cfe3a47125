"""Asking beforehand what is likely to be asked next, while nobody wants anything."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError
from modelnet.core.identity import new_request_id
from modelnet.core.task import Task
from modelnet.interaction.recall.recaller import Recaller
from modelnet.resource.directory import Offer
from modelnet.service.cache.entry import Entry
from modelnet.service.cache.habit import Foreseen, Habits
from modelnet.service.cache.key import Key, key_of
from modelnet.service.pathway.hedge import HedgeBudget

SHARE = 0.05
"""Calls at most that are made beforehand, as a share of all calls."""
QUIET_S = 0.5
"""For so long nobody has asked anything."""
MOST_S = 60.0
"""What takes longer is not for idle hours."""

_PROGRAM = "python"
"""The engine of models that are functions of a user: what they do may not be done unasked."""


class Prefetcher:
    """Learns what follows what, and asks for it beforehand: of whom it was asked last, if idle.

    It never asks a model that costs money, nor a Python function, and gives up as soon as anybody
    asks anything else here, or that model gets other work.
    """

    def __init__(
        self, recaller: Recaller, changed: Callable[[], Awaitable[object]], clock: Clock
    ) -> None:
        """`changed` returns after the next change of the network."""
        self._recaller = recaller
        self._changed = changed
        self._clock = clock
        self._habits = Habits()
        self._budget = HedgeBudget(SHARE)
        self._foreseen: Foreseen | None = None
        self._fetching: bytes | None = None
        self._scope: anyio.CancelScope | None = None
        self._news = anyio.Event()
        recaller.tell(self)

    async def run(self) -> None:
        """Ask beforehand, until cancelled."""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            foreseen, self._foreseen = self._foreseen, None
            if foreseen is not None:
                with anyio.CancelScope() as self._scope:
                    await anyio.sleep(QUIET_S)
                    await self._fetch(foreseen)
                self._scope = None

    def forget(self) -> None:
        """Forget what follows what, and ask for nothing that was foreseen."""
        self._habits.forget()
        self._foreseen = None
        if self._scope is not None:
            self._scope.cancel()

    def arrived(self, key: Key | None) -> None:
        """Make way for whoever asks, unless that is what is asked beforehand."""
        self._foreseen = None
        is_this = key is not None and key.exact == self._fetching
        if self._scope is not None and not is_this:
            self._scope.cancel()

    def answered(self, task: Task, key: Key, entry: Entry | None, *, is_new: bool) -> None:
        """Learn what follows what, and wonder what follows this."""
        if is_new:
            self._budget.note_call()
        speaker = None if entry is None else entry.speaker
        self._habits.note(key.exact, task, speaker, self._clock())
        self._foreseen = self._habits.next(key.exact)
        if self._foreseen is not None:
            self._news.set()

    async def _fetch(self, foreseen: Foreseen) -> None:
        key = key_of(foreseen.task)
        if key is None or self._recaller.has(key) or not self._recaller.is_idle:
            return
        if not self._is_free(foreseen, own=0) or not self._budget.take():
            return
        self._fetching = key.exact
        is_whole = False
        try:
            with anyio.move_on_after(MOST_S):
                is_whole = await self._ask(foreseen, key)
        finally:
            self._fetching = None
            self._recaller.counts.given_up += not is_whole

    async def _ask(self, foreseen: Foreseen, key: Key) -> bool:
        is_whole = False
        async with anyio.create_task_group() as group:
            group.start_soon(self._give_way, foreseen, group.cancel_scope)
            with suppress(ModelnetError):
                await self._recaller.fetch(self._task(foreseen), key)
                is_whole = True
            group.cancel_scope.cancel()
        return is_whole

    async def _give_way(self, foreseen: Foreseen, scope: anyio.CancelScope) -> None:
        while self._is_free(foreseen, own=1):
            await self._changed()
        scope.cancel()

    def _is_free(self, foreseen: Foreseen, own: int) -> bool:
        """Tell whether who answered last is here, idle but for our own call, and costs nothing."""
        offer = self._offer(foreseen)
        if offer is None or not offer.card.is_free or offer.card.engine == _PROGRAM:
            return False
        return offer.load.running + offer.load.waiting <= own

    def _offer(self, foreseen: Foreseen) -> Offer | None:
        offers = self._recaller.offers()
        return next((o for o in offers if (o.node, o.card.name) == foreseen.speaker), None)

    def _task(self, foreseen: Foreseen) -> Task:
        node, model = foreseen.speaker
        return msgspec.structs.replace(
            foreseen.task,
            id=new_request_id(),
            models=(f"{model}@{node}",),
            deadline=self._clock() + MOST_S,
        )
