"""Act one: the same questions to the generalist alone and to the network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelnet.application.demo.asking import Asker
from modelnet.application.demo.cast import GENERALIST
from modelnet.application.demo.result import Asked
from modelnet.core.task import AUTO
from modelnet.service.skill import Question


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both sides answered, in the order of the questions."""

    alone: tuple[Asked, ...]
    together: tuple[Asked, ...]


async def compare(
    asker: Asker, questions: Sequence[Question], on_step: Callable[[], None]
) -> Comparison:
    """Ask both sides every question, taking turns at who is asked first: noise hits both."""
    answers: dict[str, list[Asked]] = {GENERALIST: [], AUTO: []}
    for i, question in enumerate(questions):
        for model in (GENERALIST, AUTO) if i % 2 else (AUTO, GENERALIST):
            asked, _ = await asker.ask(question, model)
            answers[model].append(asked)
        on_step()
    return Comparison(tuple(answers[GENERALIST]), tuple(answers[AUTO]))
