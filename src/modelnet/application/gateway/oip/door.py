"""The endpoints of the Open Inference Protocol: from tensors over HTTP to the network and back."""

from collections.abc import Sequence
from importlib.metadata import version

from modelnet.application.gateway.answer import Answer
from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.asker import Asker, task_headers
from modelnet.application.gateway.endpoint import (
    Endpoint,
    Header,
    HttpRequest,
    Reply,
    Routes,
    json_reply,
)
from modelnet.application.gateway.meter import Meter
from modelnet.application.gateway.oip import description
from modelnet.application.gateway.oip.compression import packed, unpacked
from modelnet.application.gateway.oip.reading import Inference, inference_of
from modelnet.core.card import ModelCard
from modelnet.core.clock import Clock
from modelnet.core.error import EngineError, UnknownModelError, UnsupportedError
from modelnet.core.task import Task
from modelnet.resource.directory import Offer
from modelnet.resource.oip.body import LENGTH_HEADER, Body, ResponseBody, write
from modelnet.service.preference import PREFERENCES
from modelnet.service.selection import select

_LENGTH = LENGTH_HEADER.lower().encode()
_VERSIONS = "/versions/"
_INFER = "/v2/models/{model}/infer"

MAX_BODY_BYTES = 60 * 1024 * 1024
"""What a request between nodes can hold, less some room for what else is in it."""

BODY_LIMITS = {_INFER: MAX_BODY_BYTES}
"""Tensors are larger than questions."""


class OpenInferenceDoor:
    """Answers clients of Triton, KServe and their kin with the network behind it."""

    def __init__(self, answering: Answering, meter: Meter, clock: Clock) -> None:
        self._answering = answering
        self._asker = Asker(answering, meter, clock)

    @property
    def routes(self) -> Routes:
        """The endpoints. `{model}` may end with `/versions/` and a version."""
        return {
            ("GET", "/v2"): self._server,
            ("GET", "/v2/health/live"): _saying("live"),
            ("GET", "/v2/health/ready"): _saying("ready"),
            ("GET", "/v2/models/{model}"): self._metadata,
            ("GET", "/v2/models/{model}/ready"): self._ready,
            ("GET", "/v2/models/{model}/config"): self._configuration,
            ("POST", _INFER): self._infer,
            ("POST", "/v2/repository/index"): self._index,
        }

    async def _server(self, _: HttpRequest) -> Reply:
        return json_reply(description.server(version("ai-modelnet")))

    async def _index(self, _: HttpRequest) -> Reply:
        offers = self._answering.offers()
        return json_reply(description.index([o.card for o in offers if _infers(o.card)]))

    async def _metadata(self, http: HttpRequest) -> Reply:
        name, cards = self._described(http.tail)
        return json_reply(description.metadata(name, cards))

    async def _configuration(self, http: HttpRequest) -> Reply:
        name, cards = self._described(http.tail)
        return json_reply(description.configuration(name, cards))

    async def _ready(self, http: HttpRequest) -> Reply:
        name, _ = self._described(http.tail)
        return json_reply({"name": name, "ready": True})

    async def _infer(self, http: HttpRequest) -> Reply:
        name, offers = self._found(http.tail)
        content = await unpacked(http.body, http.headers, MAX_BODY_BYTES)
        length = http.headers.get(_LENGTH)
        asked = inference_of(content, None if length is None else length.decode("latin-1"))
        models = (name,) if http.tail == name else _one_by_one(offers)
        task = self._asker.task(asked.infer, models, http, asked.timeout_s)
        answer = await self._asker.whole(task)
        body = _response(answer, task, asked, _version_in(offers, answer))
        return await _packed_reply(body, http, task)

    def _described(self, tail: str) -> tuple[str, list[ModelCard]]:
        name, offers = self._found(tail)
        if name in PREFERENCES:
            raise UnknownModelError(f"{name!r} is many models; name one of them.")
        return name, [offer.card for offer in offers]

    def _found(self, tail: str) -> tuple[str, list[Offer]]:
        """Return the name in a path, and the offers of that name and version that take tensors."""
        name, wanted = _name_and_version(tail)
        meant = [
            o for choice in select((name,), self._answering.offers()) for o in choice.candidates
        ]
        offers = [offer for offer in meant if _infers(offer.card)]
        if not offers:
            raise UnsupportedError(f"{name!r} takes no tensors; name a model that does.")
        if wanted is None:
            return name, offers
        if of_version := [offer for offer in offers if offer.card.version == wanted]:
            return name, of_version
        known = ", ".join(sorted({offer.card.version for offer in offers}))
        raise UnknownModelError(f"{name!r} has no version {wanted[:100]!r}, only {known}.")


def _saying(what: str) -> Endpoint:
    async def endpoint(_: HttpRequest) -> Reply:
        return json_reply({what: True})

    return endpoint


def _infers(card: ModelCard) -> bool:
    return "infer" in card.operations


def _name_and_version(tail: str) -> tuple[str, str | None]:
    name, mark, wanted = tail.rpartition(_VERSIONS)
    return (name, wanted) if mark and name and wanted else (tail, None)


def _one_by_one(offers: Sequence[Offer]) -> tuple[str, ...]:
    """Return a chain of exactly these models: no name stands for one version of a model."""
    return tuple(f"{offer.card.name}@{offer.node}" for offer in offers)


def _version_in(offers: Sequence[Offer], answer: Answer) -> str | None:
    by = answer.contributions[-1] if answer.contributions else None
    return next((o.card.version for o in offers if by and o.key == (by.node, by.model)), None)


def _response(answer: Answer, task: Task, asked: Inference, version: str | None) -> Body:
    parameters = {"modelnet_task": task.id}
    if answer.contributions:
        last = answer.contributions[-1]
        parameters |= {"modelnet_node": last.node, "modelnet_because": last.because}
    _check(answer, asked)
    body = ResponseBody(
        model_name=answer.model,
        model_version=version,
        id=asked.id or None,
        parameters=parameters,
        outputs=(),
    )
    return write(body, answer.tensors, asked.wants_binary)


def _check(answer: Answer, asked: Inference) -> None:
    """Raise unless the model answered what was asked for: it may be anybody's."""
    names = tuple(tensor.name for tensor in answer.tensors)
    if not names or (asked.infer.outputs and set(names) != set(asked.infer.outputs)):
        raise EngineError(f"{answer.model} answered other tensors than asked; ask another model.")


async def _packed_reply(body: Body, http: HttpRequest, task: Task) -> Reply:
    content, encoding = await packed(body.content, http.headers)
    headers: list[Header] = [*task_headers(task)]
    if encoding is not None:
        headers.append((b"content-encoding", encoding.encode()))
    if body.json_bytes is None:
        return Reply(body=content, headers=tuple(headers))
    headers.append((_LENGTH, str(body.json_bytes).encode()))
    return Reply(body=content, media_type=b"application/octet-stream", headers=tuple(headers))
