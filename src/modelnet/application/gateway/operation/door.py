"""The endpoints of `step`, `score` and `encode`: from a request's body to the network and back."""

from typing import Any

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.asker import Asker, provenance, task_headers
from modelnet.application.gateway.endpoint import HttpRequest, Reply, Routes, json_reply
from modelnet.application.gateway.meter import Meter
from modelnet.application.gateway.openai.body import Body, NetworkOptions, decode
from modelnet.application.gateway.openai.reading import (
    expected_of,
    models_of,
    unit_tests_of,
    wish_of,
)
from modelnet.application.gateway.operation.reading import (
    EncodeBody,
    ScoreBody,
    StepBody,
    encode_of,
    score_of,
    step_of,
)
from modelnet.application.gateway.operation.view import encode_view, score_view, step_view
from modelnet.core.clock import Clock
from modelnet.core.request import Request
from modelnet.core.task import Task


class OperationDoor:
    """Answers what OpenAI's API has no word for, with the network behind it."""

    def __init__(self, answering: Answering, meter: Meter, clock: Clock) -> None:
        self._asker = Asker(answering, meter, clock)

    @property
    def routes(self) -> Routes:
        """The endpoints."""
        return {
            ("POST", "/modelnet/v1/step"): self._step,
            ("POST", "/modelnet/v1/score"): self._score,
            ("POST", "/modelnet/v1/encode"): self._encode,
        }

    async def _step(self, http: HttpRequest) -> Reply:
        body = decode(StepBody, http.body)
        task, answer, origin = await self._answered(body, step_of(body), http)
        return _reply(task, step_view(answer, origin))

    async def _score(self, http: HttpRequest) -> Reply:
        body = decode(ScoreBody, http.body)
        task, answer, origin = await self._answered(body, score_of(body), http)
        return _reply(task, score_view(answer, body.continuation, origin))

    async def _encode(self, http: HttpRequest) -> Reply:
        body = decode(EncodeBody, http.body)
        request = encode_of(body)
        task, answer, origin = await self._answered(body, request, http)
        view = encode_view(
            answer,
            origin,
            input_count=len(request.inputs),
            layer=request.layer,
            is_base64=body.encoding_format == "base64",
        )
        return _reply(task, view)

    async def _answered(
        self, body: Body, request: Request, http: HttpRequest
    ) -> tuple[Task, Answer, Provenance]:
        options = body.modelnet or NetworkOptions()
        expected_of(body, (request,))
        unit_tests_of(body, (request,))
        task = self._asker.task(
            request,
            models_of(body),
            http,
            options.deadline_s,
            is_kept=options.keep,
            wish=wish_of(body, (request,)),
        )
        explanation = await self._asker.explain(task) if options.explain else None
        answer = await self._asker.whole(task)
        return task, answer, provenance(task, answer.contributions, explanation)


def _reply(task: Task, view: Any) -> Reply:
    return json_reply(view, headers=task_headers(task))
