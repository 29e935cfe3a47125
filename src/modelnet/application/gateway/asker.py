"""Asks the network for a client: a task with a deadline, its answer counted on the way."""

from collections.abc import AsyncGenerator, Sequence

from modelnet.application.gateway.answer import Answer, Provenance, collect, observed
from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.endpoint import Header, HttpRequest
from modelnet.application.gateway.meter import Meter
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock
from modelnet.core.identity import new_request_id
from modelnet.core.request import Request
from modelnet.core.task import Contribution, Task
from modelnet.core.wish import NO_WISH, Wish
from modelnet.service.explanation import Explanation

DEFAULT_DEADLINE_S = 300.0

_GRACE_S = 0.5
"""The network itself ends what is late and says so better; this is for when it does not."""


class Asker:
    """What every door does with a request once it is read."""

    def __init__(self, answering: Answering, meter: Meter, clock: Clock) -> None:
        self._answering = answering
        self._meter = meter
        self._clock = clock

    def task(
        self,
        request: Request,
        models: tuple[str, ...],
        http: HttpRequest,
        time_s: float | None = None,
        *,
        expected: str | None = None,
        tests: str | None = None,
        is_kept: bool = True,
        wish: Wish = NO_WISH,
        may_recall: bool = True,
    ) -> Task:
        """Return the task, and give its whole response that much time."""
        time_s = time_s or DEFAULT_DEADLINE_S
        http.allow(time_s + _GRACE_S)
        return Task(
            id=new_request_id(),
            request=request,
            models=models,
            deadline=self._clock() + time_s,
            owner=http.owner,
            expected=expected,
            tests=tests,
            is_kept=is_kept,
            wish=wish,
            may_recall=may_recall,
        )

    def ask(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Yield the answer as it comes."""
        return observed(self._answering, task, self._meter)

    async def explain(self, task: Task) -> Explanation | None:
        """Return whom the network would ask now, and why; nothing where there is nobody."""
        return await self._answering.explain(task)

    async def whole(self, task: Task) -> Answer:
        """Return the whole answer."""
        return await collect(self.ask(task))


def provenance(
    task: Task, contributions: Sequence[Contribution], explanation: Explanation | None = None
) -> Provenance:
    """Return what a response says of where it comes from, and why, where that was asked."""
    if explanation is None:
        return Provenance(task_id=task.id, contributors=tuple(contributions))
    return Provenance(
        task_id=task.id,
        contributors=tuple(contributions),
        explanation=explanation.ended(contributions),
    )


def task_headers(task: Task, contributions: Sequence[Contribution] = ()) -> tuple[Header, ...]:
    """Return the headers of a response to a task, and of an answer that is known: how old it is."""
    headers: tuple[Header, ...] = ((b"x-request-id", task.id.encode()),)
    if contributions and (recalled := contributions[-1].recalled) is not None:
        headers += ((b"age", str(int(recalled.age_s)).encode()),)
    return headers
