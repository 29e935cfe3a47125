"""A model of a server that speaks the Open Inference Protocol v2 over HTTP as a Model."""

import os
from collections.abc import AsyncGenerator

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.core.request import Infer, Request
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported, unsupported
from modelnet.resource.backend.http import Client, Endpoint, endpoint_from
from modelnet.resource.backend.oip.probe import Findings, Probe
from modelnet.resource.backend.typed.refusal import refuse_tensors, wanted_outputs
from modelnet.resource.oip.body import (
    LENGTH_HEADER,
    Body,
    RequestBody,
    ResponseBody,
    WantedOutput,
    read,
    write,
)

PROBE_TIMEOUT_S = 30.0

_PATH = "/v2"


def oip_endpoint(text: str) -> Endpoint:
    """Read `URL`, `URL#model` or `URL#model/versions/3`; the URL with or without its `/v2`.

    Raises:
        SettingsError: the URL is none.
    """
    found = endpoint_from(text)
    return found._replace(base=found.base.removesuffix(_PATH) + _PATH)


class OpenInferenceModel:
    """One model of Triton, KServe, Seldon, MLServer, OpenVINO or another node of ours."""

    def __init__(
        self, endpoint: Endpoint, *, name: str | None = None, clock: Clock = system_clock
    ) -> None:
        self._endpoint = endpoint
        self._name = name
        self._clock = clock
        label = name or endpoint.model or endpoint.root
        self._lifetime = Lifetime(label, clock)
        key = endpoint.key(os.environ)
        headers = {"Authorization": f"Bearer {key}"} if key else None
        self._client = Client(endpoint.root, label, self._lifetime, clock, headers)
        self._findings: Findings | None = None

    @property
    def card(self) -> ModelCard:
        """What the server said; known once started."""
        return self._found().card

    async def start(self) -> None:
        """Connect, and find out what the model takes and gives.

        Raises:
            SettingsError: the server has no such model.
            EngineError: it cannot be reached, speaks another protocol, or the model is not ready.
        """
        async with self._client.starting():
            probe = Probe(self._client, self._endpoint, self._clock() + PROBE_TIMEOUT_S)
            self._findings = await probe.find(self._name)

    async def stop(self) -> None:
        """End the answers under way and close the connections."""
        await self._client.stop()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if not isinstance(request, Infer):
            raise unsupported(self.card, request)
        refuse_tensors(self.card, request)
        tensors = await self._infer(request, deadline)
        yield Chunk(tensors=self._checked(request, tensors), finish="stop", usage=Usage())

    async def _infer(self, request: Infer, deadline: float) -> tuple[Tensor, ...]:
        found = self._found()
        body = self._body(request)
        answer = await self._client.exchange(
            "POST", f"{found.url}/infer", deadline, body=body.content, headers=_headers(body)
        )
        content = self._client.accepted(answer)
        try:
            return read(ResponseBody, content, answer.headers.get(LENGTH_HEADER.lower()))[1]
        except InvalidRequestError as error:
            raise EngineError(f"{self.card.name} answered garbage: {error}") from error

    def _body(self, request: Infer) -> Body:
        is_binary = self._found().is_binary
        asked = RequestBody(
            parameters={"binary_data_output": True} if is_binary else None,
            inputs=(),
            outputs=tuple(WantedOutput(name) for name in request.outputs) or None,
        )
        return write(asked, request.inputs, lambda _: is_binary)

    def _checked(self, request: Infer, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the outputs that were asked for, in that order, as the card describes them."""
        named = {tensor.name: tensor for tensor in tensors}
        wanted = wanted_outputs(self.card, request)
        for spec in wanted:
            given = named.get(spec.name)
            if given is None or not spec.takes(given.spec):
                raise EngineError(
                    f"{self.card.name} answered no {spec.name!r} as it had described it; start it "
                    "again, or ask another model."
                )
        return tuple(named[spec.name] for spec in wanted)

    def _found(self) -> Findings:
        if self._findings is None:
            raise EngineError(f"The model at {self._endpoint.root} was never started; start it.")
        return self._findings


def _headers(body: Body) -> dict[str, str]:
    if body.json_bytes is None:
        return {"Content-Type": "application/json"}
    return {
        "Content-Type": "application/octet-stream",
        LENGTH_HEADER: str(body.json_bytes),
    }
