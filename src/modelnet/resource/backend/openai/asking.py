"""Where to send what: requests as one server, whose abilities are known, has to be asked."""

from typing import Any, NamedTuple

import msgspec

from modelnet.core.error import EngineError, UnsupportedError
from modelnet.core.request import Chat, Complete, Prefix, Sampling
from modelnet.resource.backend.guard import refuse_continued_format
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.openai.body import chat_body, completion_body, messages_of
from modelnet.resource.backend.openai.finding import OPEN_MESSAGE, Findings
from modelnet.resource.backend.reasoning import Phase, continued, phase_after


class Asking(NamedTuple):
    """A request as it is sent, and where in its answer the model then is."""

    url: str
    body: dict[str, Any]
    phase: Phase = "speaking"


class Asker:
    """Writes requests for one server."""

    def __init__(self, client: Client, endpoint: Endpoint, findings: Findings) -> None:
        self._client = client
        self._endpoint = endpoint
        self._findings = findings

    async def answer(self, request: Chat | Complete, deadline: float) -> Asking:
        """Return what asks for an answer, or for the rest of one begun.

        Raises:
            ModelnetError: the server cannot be asked so, or did not render the chat.
        """
        if isinstance(request, Complete):
            return self._completing(request.prompt + request.partial.text, request.sampling)
        if not request.partial:
            return self._chatting(request)
        refuse_continued_format(self._findings.card, request)
        if self._findings.continuation == "final_message":
            return self._chatting(request)
        if request.tools:
            raise UnsupportedError(
                f"The model {self._findings.card.name} does not go on with an answer that may call "
                "tools; begin it anew."
            )
        return await self._completing_chat(request, deadline)

    async def step(self, prefix: Prefix, top_k: int, deadline: float) -> Asking:
        """Return what asks for one token and its alternatives.

        Raises:
            ModelnetError: the server cannot be asked so, or did not render the chat.
        """
        sampling = Sampling(max_tokens=1, temperature=0.0, top_logprobs=top_k)
        request = msgspec.structs.replace(prefix, sampling=sampling)
        if isinstance(request, Complete):
            return self._completing(request.prompt + request.partial.text, sampling)
        if self._findings.continuation == "template":
            return await self._completing_chat(request, deadline)
        return self._chatting(request)

    def _chatting(self, request: Chat) -> Asking:
        body = chat_body(self._findings.model, request, self._findings.dialect)
        phase = phase_after("", request.partial.text, request.partial.reasoning)
        return Asking(self.url("chat/completions"), body | begun_chat(request), phase)

    def _completing(self, prompt: str, sampling: Sampling, phase: Phase = "speaking") -> Asking:
        body = completion_body(self._findings.model, prompt, sampling)
        return Asking(self.url("completions"), body, phase)

    async def _completing_chat(self, request: Chat, deadline: float) -> Asking:
        """Ask for the completion of the rendered chat, the begun answer at its end."""
        text, reasoning = request.partial.text, request.partial.reasoning
        prompt = await self._render(request, deadline)
        raw = prompt + continued(prompt, text, reasoning)
        return self._completing(raw, request.sampling, phase_after(prompt, text, reasoning))

    async def _render(self, request: Chat, deadline: float) -> str:
        """Let llama.cpp apply the model's chat template."""
        if request.has_image:
            raise UnsupportedError(
                f"The model {self._findings.card.name} takes images in new chats only; begin anew."
            )
        body: dict[str, Any] = {"messages": messages_of(request)}
        if request.tools:
            body["tools"] = request.tools
        told = await self._client.post_json(f"{self._endpoint.root}/apply-template", body, deadline)
        try:
            return msgspec.convert(told, _Rendered).prompt
        except msgspec.ValidationError as error:
            name = self._findings.card.name
            raise EngineError(f"{name} rendered no prompt; ask another model.") from error

    def url(self, path: str) -> str:
        """Return the address of a path of OpenAI's API."""
        return f"{self._endpoint.base}/{path}"


def begun_chat(request: Chat) -> dict[str, Any]:
    """Return what makes vLLM go on with the answer begun; nothing where none is."""
    if not request.partial:
        return {}
    content = continued("", request.partial.text, request.partial.reasoning)
    messages = [*messages_of(request), {"role": "assistant", "content": content}]
    return OPEN_MESSAGE | {"messages": messages}


class _Rendered(msgspec.Struct):
    prompt: str
