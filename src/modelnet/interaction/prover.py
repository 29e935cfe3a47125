"""Having answers that are code tried by the tests of whoever asked, in nobody's way.

What a strategy has yet to tell is tried at once, one answer at a time, and waited for no longer
than there is time. What was told already is tried afterwards, one answer at a time.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import anyio

from modelnet.core.error import SetupError
from modelnet.core.identity import RequestId
from modelnet.core.task import Task
from modelnet.resource.sandbox.proof import Proof
from modelnet.service.verifier.program import code_in

MOST_WAITING = 64
"""Told answers that wait to be tried; beyond them the newest go unjudged."""

_KNOWN = 256
"""Proofs remembered, so that no answer is tried twice."""

_log = logging.getLogger(__name__)


class Trying(Protocol):
    """What runs tests: `modelnet.resource.sandbox.sandbox.Sandbox`."""

    async def judge(self, code: str, tests: str) -> Proof:
        """Return what the tests say of the code.

        Raises:
            SetupError: nothing can be run here.
        """
        ...


Tell: TypeAlias = Callable[[bool], None]


class _Job(NamedTuple):
    task: Task
    answer: str
    tell: Tell


class Prover:
    """Runs tests where this node may; else it proves nothing."""

    def __init__(self, trying: Trying | None = None) -> None:
        self._trying = trying
        self._places = anyio.CapacityLimiter(1)
        self._known: OrderedDict[tuple[RequestId, str], bool | None] = OrderedDict()
        self._waiting: deque[_Job] = deque()
        self._news = anyio.Event()

    def can_prove(self, task: Task) -> bool:
        """Whether a task has tests, and they can be run."""
        return self._trying is not None and task.tests is not None

    async def prove(self, task: Task, answer: str, *, time_s: float) -> bool | None:
        """Return whether an answer that is not told yet passes; nothing where that is not known.

        It takes so many seconds at most.
        """
        if not self.can_prove(task):
            return None
        with anyio.move_on_after(max(0.0, time_s)):
            async with self._places:
                return await self._proof(task, answer)
        return None

    def prove_later(self, task: Task, answer: str, tell: Tell) -> None:
        """Have an answer tried that was told, and the verdict passed on where there is one."""
        if not self.can_prove(task):
            return
        if len(self._waiting) >= MOST_WAITING:
            _log.info("An answer goes untested: %d wait already.", MOST_WAITING)
            return
        self._waiting.append(_Job(task, answer, tell))
        told, self._news = self._news, anyio.Event()
        told.set()

    async def run(self) -> None:
        """Try what waits, until cancelled."""
        while True:
            while self._waiting:
                job = self._waiting.popleft()
                is_right = await self._proof(job.task, job.answer)
                if is_right is not None:
                    job.tell(is_right)
            await self._news.wait()

    async def _proof(self, task: Task, answer: str) -> bool | None:
        key = task.id, code_in(answer)
        if key in self._known:
            return self._known[key]
        if self._trying is None or task.tests is None:
            return None
        try:
            proof = await self._trying.judge(key[1], task.tests)
        except (SetupError, OSError) as error:
            _log.warning("An answer goes untested: %s", error)
            return None
        _log.debug("Tests of task %s: %s.", task.id, proof.because)
        self._known[key] = proof.is_right
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return proof.is_right
