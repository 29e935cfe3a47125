"""Act three: a node joins with a model nobody has, and is of use at once."""

import time
from typing import NamedTuple

import anyio

from modelnet.application.demo.asking import Asker
from modelnet.application.demo.cast import LOST_SKILL
from modelnet.application.demo.process import NodeProcess
from modelnet.application.demo.question import of_skill
from modelnet.application.demo.result import Asked
from modelnet.core.error import DeadlineError
from modelnet.core.task import AUTO

USE_S = 15.0


class FirstUse(NamedTuple):
    """The first answer of a newcomer."""

    after_s: float
    """Since it was ready."""
    asked: Asked
    because: str
    """Why it was asked."""


async def first_use(asker: Asker, newcomer: NodeProcess, seed: int) -> FirstUse:
    """Ask until the newcomer answers.

    Raises:
        DeadlineError: it is never asked.
    """
    with anyio.move_on_after(USE_S):
        for question in of_skill(LOST_SKILL, seed):
            asked, origin = await asker.ask(question, AUTO)
            last = origin.contributors[-1] if origin.contributors else None
            if last is not None and last.node == newcomer.ready.node:
                after_s = time.monotonic() - newcomer.ready_at_s
                return FirstUse(max(0.0, after_s), asked, last.because)
    raise DeadlineError(f"The newcomer was not asked within {USE_S:.0f} s: `modelnet doctor`.")
