"""The endpoints of OpenAI's API: from a request's body to the network and back."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio

from modelnet.application.gateway.answer import Answer
from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.asker import Asker, provenance, task_headers
from modelnet.application.gateway.endpoint import EventStream, HttpRequest, Reply, json_reply
from modelnet.application.gateway.meter import Meter
from modelnet.application.gateway.openai.body import (
    Body,
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    NetworkOptions,
    SampledBody,
    decode,
)
from modelnet.application.gateway.openai.chat import ChatWriter, chat_completion
from modelnet.application.gateway.openai.completion import CompletionWriter, completion
from modelnet.application.gateway.openai.embedding import embeddings
from modelnet.application.gateway.openai.reading import (
    chat_of,
    completions_of,
    embed_of,
    expected_of,
    models_of,
    unit_tests_of,
    wish_of,
)
from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError
from modelnet.core.identity import RequestId
from modelnet.core.request import Request
from modelnet.core.task import Contribution, Task
from modelnet.service.explanation import Explanation

_PROMPTS_AT_ONCE = 4


class OpenAIDoor:
    """Answers OpenAI's requests with the network behind it."""

    def __init__(self, answering: Answering, meter: Meter, clock: Clock) -> None:
        self._asker = Asker(answering, meter, clock)
        self._clock = clock

    async def chat(self, http: HttpRequest) -> Reply | EventStream:
        """`POST /v1/chat/completions`."""
        body = decode(ChatBody, http.body)
        (task,) = self._tasks(body, (chat_of(body),), http)
        response_id, created = f"chatcmpl-{task.id}", int(self._clock())
        explanation = await self._explanation(body, task)
        if body.stream:
            writer = ChatWriter(response_id, created, has_usage=_has_usage(body))
            events = self._chat_events(task, writer, explanation)
            return EventStream(events=events, headers=task_headers(task))
        answer = await self._asker.whole(task)
        origin = provenance(task, answer.contributions, explanation)
        response = chat_completion(answer, id=response_id, created=created, origin=origin)
        return json_reply(response, headers=task_headers(task, answer.contributions))

    async def complete(self, http: HttpRequest) -> Reply | EventStream:
        """`POST /v1/completions`."""
        body = decode(CompletionBody, http.body)
        tasks = self._tasks(body, completions_of(body), http)
        first = tasks[0]
        response_id, created = f"cmpl-{first.id}", int(self._clock())
        explanation = await self._explanation(body, first)
        if body.stream:
            writer = CompletionWriter(response_id, created, has_usage=_has_usage(body))
            events = self._completion_events(tasks, writer, explanation)
            return EventStream(events=events, headers=task_headers(first))
        answers = await self._all_whole(tasks)
        contributions = [one for answer in answers for one in answer.contributions]
        origin = provenance(first, contributions, explanation)
        response = completion(answers, id=response_id, created=created, origin=origin)
        return json_reply(response, headers=task_headers(first))

    async def embed(self, http: HttpRequest) -> Reply:
        """`POST /v1/embeddings`."""
        body = decode(EmbeddingBody, http.body)
        request = embed_of(body)
        (task,) = self._tasks(body, (request,), http)
        explanation = await self._explanation(body, task)
        answer = await self._asker.whole(task)
        response = embeddings(
            answer,
            input_count=len(request.inputs),
            is_base64=body.encoding_format == "base64",
            origin=provenance(task, answer.contributions, explanation),
        )
        return json_reply(response, headers=task_headers(task))

    def _tasks(self, body: Body, requests: Sequence[Request], http: HttpRequest) -> list[Task]:
        options = body.modelnet or NetworkOptions()
        models, expected = models_of(body), expected_of(body, requests)
        wish, tests = wish_of(body, requests), unit_tests_of(body, requests)
        return [
            self._asker.task(
                request,
                models,
                http,
                options.deadline_s,
                expected=expected,
                tests=tests,
                is_kept=options.keep,
                wish=wish,
                may_recall=options.cache and tests is None,
            )
            for request in requests
        ]

    async def _explanation(self, body: Body, task: Task) -> Explanation | None:
        is_wanted = body.modelnet is not None and body.modelnet.explain
        return await self._asker.explain(task) if is_wanted else None

    async def _all_whole(self, tasks: Sequence[Task]) -> list[Answer]:
        limiter = anyio.CapacityLimiter(_PROMPTS_AT_ONCE)
        answers: dict[RequestId, Answer] = {}
        failures: list[ModelnetError] = []

        async def answer(task: Task) -> None:
            try:
                async with limiter:
                    answers[task.id] = await self._asker.whole(task)
            except ModelnetError as error:
                failures.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(answer, task)
        if failures:
            raise failures[0]
        return [answers[task.id] for task in tasks]

    async def _chat_events(
        self, task: Task, writer: ChatWriter, explanation: Explanation | None
    ) -> AsyncGenerator[bytes, None]:
        contributions: list[Contribution] = []
        async with aclosing(self._asker.ask(task)) as items:
            async for item in items:
                if isinstance(item, Contribution):
                    contributions.append(item)
                    writer.answered_by(item.model)
                elif item.finish is not None:
                    yield writer.close(item, provenance(task, contributions, explanation))
                elif event := writer.write(item):
                    yield event

    async def _completion_events(
        self, tasks: Sequence[Task], writer: CompletionWriter, explanation: Explanation | None
    ) -> AsyncGenerator[bytes, None]:
        contributions: list[Contribution] = []
        for task in tasks:
            async with aclosing(self._asker.ask(task)) as items:
                async for item in items:
                    if isinstance(item, Contribution):
                        contributions.append(item)
                        writer.answered_by(item.model)
                    elif item.finish is None:
                        if event := writer.write(item):
                            yield event
                    elif task is tasks[-1]:
                        origin = provenance(tasks[0], contributions, explanation)
                        yield writer.close(item, origin)
                    else:
                        yield writer.end_prompt(item)


def _has_usage(body: SampledBody) -> bool:
    return body.stream_options is not None and bool(body.stream_options.include_usage)
