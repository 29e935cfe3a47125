"""Act three: a node joins with a model nobody has, and is of use at once."""

import time

import anyio

from modelnet.application.demo.asking import Asker
from modelnet.application.demo.cast import LOST_SKILL
from modelnet.application.demo.process import NodeProcess
from modelnet.application.demo.question import of_skill
from modelnet.application.demo.result import Asked
from modelnet.core.error import DeadlineError
from modelnet.core.task import AUTO

USE_S = 15.0


async def first_use(asker: Asker, newcomer: NodeProcess, seed: int) -> tuple[float, Asked]:
    """Ask until the newcomer answers; return the seconds since it was ready, and its answer.

    Raises:
        DeadlineError: it is never asked.
    """
    with anyio.move_on_after(USE_S):
        for question in of_skill(LOST_SKILL, seed):
            asked, origin = await asker.ask(question, AUTO)
            if origin.contributors and origin.contributors[-1].node == newcomer.ready.node:
                return max(0.0, time.monotonic() - newcomer.ready_at_s), asked
    raise DeadlineError(f"The newcomer was not asked within {USE_S:.0f} s: `modelnet doctor`.")
