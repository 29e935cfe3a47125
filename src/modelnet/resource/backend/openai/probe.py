"""Finding out what a server's model can do, by asking for one token of each kind."""

from contextlib import suppress
from typing import Any, Literal, TypeAlias

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError, RequestError, SettingsError
from modelnet.core.request import Operation
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint

PARALLEL = 16
"""Requests a server is taken to run at once where it does not say."""

Continuation: TypeAlias = Literal["template", "final_message"] | None
"""How a server goes on with an answer begun elsewhere.

`template`: llama.cpp renders the prompt, and completes it with the answer so far behind it.
`final_message`: vLLM leaves the last message of the chat open.
"""

OPEN_MESSAGE = {"add_generation_prompt": False, "continue_final_message": True}
"""What vLLM wants to be told, besides an assistant's message at the end of the chat."""

_HELLO = [{"role": "user", "content": "Hello"}]
_MARK = "one two three"
_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}


class Listed(msgspec.Struct, frozen=True):
    """A model as `/models` lists it; of the sizes every engine tells another."""

    id: str
    max_model_len: int | None = None
    meta: dict[str, Any] | None = None

    @property
    def parameters(self) -> int | None:
        """Number of weights, where told."""
        return (self.meta or {}).get("n_params")


class _Listing(msgspec.Struct):
    data: list[Listed]


class _Settings(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    """What llama.cpp tells of itself at `/props`."""

    default_generation_settings: _Settings
    total_slots: int
    modalities: dict[str, bool] = {}
    chat_template_caps: dict[str, Any] = {}

    @property
    def n_ctx(self) -> int | None:
        """Tokens of one request."""
        return self.default_generation_settings.n_ctx


class Findings(msgspec.Struct, frozen=True):
    """What was found out."""

    model: str
    card: ModelCard
    continuation: Continuation


class Probe:
    """Asks one server about one model."""

    def __init__(self, client: Client, endpoint: Endpoint, deadline: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self._deadline = deadline

    async def find(self, name: str | None) -> Findings:
        """Return what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or its model does nothing we know.
            OverloadedError: the server has no time even for this.
        """
        listed = await self._listed()
        props = await self._props()
        chats, has_logprobs = await self._chats(listed.id)
        completes, scores = await self._completes(listed.id)
        answers: dict[Operation, bool] = {
            "chat": chats,
            "complete": completes,
            "embed": await self._embeds(listed.id),
        }
        operations: tuple[Operation, ...] = tuple(o for o, works in answers.items() if works)
        if not operations:
            raise EngineError(
                f"{listed.id} at {self._endpoint.root} neither chats, completes nor embeds; "
                "choose another model."
            )
        continuation = await self._continuation(listed.id, props, operations)
        card = ModelCard(
            name=name or listed.id,
            operations=operations,
            engine="openai",
            parameters=listed.parameters,
            context_length=props.n_ctx if props else listed.max_model_len,
            parallel=props.total_slots if props else PARALLEL,
            has_logprobs=has_logprobs if chats else scores,
            has_vision=props is not None and props.modalities.get("vision", False),
            has_tools=chats and await self._calls_tools(listed.id, props),
            can_continue=continuation is not None,
        )
        return Findings(listed.id, card, continuation)

    async def _listed(self) -> Listed:
        told = await self._client.get(f"{self._endpoint.base}/models", self._deadline)
        try:
            listing = msgspec.convert(told, _Listing).data
        except msgspec.ValidationError as error:
            raise EngineError(
                f"{self._endpoint.root} lists no models; is it the right server?"
            ) from error
        wanted = self._endpoint.model
        if wanted is None and len(listing) == 1:
            return listing[0]
        # Ollama gives a model without a tag the tag `latest`.
        found = [entry for entry in listing if entry.id in {wanted, f"{wanted}:latest"}]
        if not found:
            names = ", ".join(entry.id for entry in listing) or "none"
            raise SettingsError(
                f"{self._endpoint.root} has no model {wanted or 'of its own'}; write one of "
                f"{names} behind a # in the address."
            )
        return found[0]

    async def _props(self) -> "_Props | None":
        """Return what llama.cpp says of itself, and nothing of any other server."""
        with suppress(EngineError, RequestError, msgspec.ValidationError):
            told = await self._client.get(f"{self._endpoint.root}/props", self._deadline)
            return msgspec.convert(told, _Props)
        return None

    async def _chats(self, model: str) -> tuple[bool, bool]:
        """Return whether the model chats, and whether it tells log-probabilities."""
        url, body = f"{self._endpoint.base}/chat/completions", _one_token_chat(model)
        answer = await self._attempt(url, body | {"logprobs": True, "top_logprobs": 1})
        if answer is None:
            return await self._attempt(url, body) is not None, False
        return True, _has_logprobs(answer)

    async def _completes(self, model: str) -> tuple[bool, bool]:
        body = {"model": model, "prompt": "1", "max_tokens": 1, "temperature": 0, "logprobs": 1}
        answer = await self._attempt(f"{self._endpoint.base}/completions", body)
        return answer is not None, _has_logprobs(answer)

    async def _embeds(self, model: str) -> bool:
        body = {"model": model, "input": ["1"]}
        return await self._attempt(f"{self._endpoint.base}/embeddings", body) is not None

    async def _calls_tools(self, model: str, props: "_Props | None") -> bool:
        if props is not None:
            return bool(props.chat_template_caps.get("supports_tools"))
        body = _one_token_chat(model) | {"tools": [_TOOL]}
        return await self._attempt(f"{self._endpoint.base}/chat/completions", body) is not None

    async def _continuation(
        self, model: str, props: "_Props | None", operations: tuple[Operation, ...]
    ) -> Continuation:
        if "chat" not in operations:
            return "template" if "complete" in operations else None
        if props is not None:
            return "template" if "complete" in operations else None
        return "final_message" if await self._leaves_message_open(model) else None

    async def _leaves_message_open(self, model: str) -> bool:
        """Whether the server, like vLLM, can be told to let the model go on with a message.

        vLLM shows how it would read a chat: one whose last message stays open ends with its text.
        """
        messages = [*_HELLO, {"role": "assistant", "content": _MARK}]
        body = {"model": model, "messages": messages, "return_token_strs": True, **OPEN_MESSAGE}
        answer = await self._attempt(f"{self._endpoint.root}/tokenize", body)
        with suppress(msgspec.ValidationError):
            tokens = msgspec.convert(answer, _Tokenized).token_strs or [""]
            # Tokenizers write the space before a word in their own ways.
            word = tokens[-1].lstrip("\u0120\u2581 ")
            return bool(word) and _MARK.endswith(word)
        return False

    async def _attempt(self, url: str, body: dict[str, Any]) -> Any:
        """Return the answer, or nothing where the server cannot give one."""
        with suppress(EngineError, RequestError):
            return await self._client.post_json(url, body, self._deadline)
        return None


def _one_token_chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": _HELLO, "max_tokens": 1, "temperature": 0}


class _Tokenized(msgspec.Struct):
    token_strs: list[str] | None = None


class _Told(msgspec.Struct):
    logprobs: dict[str, Any] | None = None


class _Answer(msgspec.Struct):
    choices: list[_Told]


def _has_logprobs(answer: Any) -> bool:
    """Whether log-probabilities came: some servers drop the wish in silence."""
    with suppress(msgspec.ValidationError):
        choices = msgspec.convert(answer, _Answer).choices
        return any(
            c.logprobs and (c.logprobs.get("content") or c.logprobs.get("tokens")) for c in choices
        )
    return False
