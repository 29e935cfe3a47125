"""`POST /modelnet/v1/exam`: hold an exam of one model and stream its progress."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import msgspec

from modelnet.application.gateway.endpoint import EventStream, HttpRequest, Routes
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.standing import Standing
from modelnet.interaction.coordinator import Coordinator
from modelnet.interaction.examiner import Examiner
from modelnet.resource.directory import Offer
from modelnet.service.exam import QUESTIONS_PER_SKILL
from modelnet.service.selection import select
from modelnet.service.skill import SKILLS

EXAM_S = 3600.0
"""An exam of a slow model may take long; the client sees its progress and can leave."""


class ExamOrder(msgspec.Struct, frozen=True):
    """The body of the request."""

    model: str
    skills: tuple[str, ...] | None = None
    questions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = QUESTIONS_PER_SKILL
    seed: int | None = None


def exam_routes(coordinator: Coordinator, examiner: Examiner) -> Routes:
    """Return the endpoint that holds exams."""

    async def exam(request: HttpRequest) -> EventStream:
        order = _read(request.body)
        offer = _offer(order.model, coordinator)
        request.allow(EXAM_S)
        return EventStream(events=_events(examiner, offer, order))

    return {("POST", "/modelnet/v1/exam"): exam}


def _read(body: bytes) -> ExamOrder:
    try:
        order = msgspec.json.decode(body, type=ExamOrder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"The exam cannot be read: {error}.") from error
    unknown = sorted(set(order.skills or ()) - set(SKILLS))
    if unknown:
        raise InvalidRequestError(
            f"There are no questions on {', '.join(unknown)}; choose among {', '.join(SKILLS)}."
        )
    return order


def _offer(name: str, coordinator: Coordinator) -> Offer:
    offer = select((name,), coordinator.offers())[0].candidates[0]
    if "chat" not in offer.card.operations:
        raise UnsupportedError(f"{offer.card.name} does not chat, and exams are held by chat.")
    return offer


async def _events(
    examiner: Examiner, offer: Offer, order: ExamOrder
) -> AsyncGenerator[bytes, None]:
    steps = examiner.examine(
        offer,
        skills=order.skills or (),
        questions_per_skill=order.questions,
        seed=order.seed,
    )
    async with aclosing(steps):
        async for step in steps:
            key = "standing" if isinstance(step, Standing) else "progress"
            yield b"data: " + msgspec.json.encode({key: step}) + b"\n\n"
    yield b"data: [DONE]\n\n"
