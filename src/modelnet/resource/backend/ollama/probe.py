"""Finding out what a model of an Ollama server can do: what Ollama says of it, and what it shows.

Each ability is tried with one token, so the model is loaded when its node starts. What a version
of Ollama does not know it ignores without a word: only what came back counts.
"""

from contextlib import suppress
from typing import Any, cast

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import AvailabilityError, EngineError, RequestError, SettingsError
from modelnet.core.request import Operation
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.ollama.listing import Listed, Running, Shown, same_model

_MARK = "one two three"
_HELLO = [{"role": "user", "content": "Hello"}]
_BEGUN = [*_HELLO, {"role": "assistant", "content": _MARK}]
_ONE_TOKEN = {"stream": False, "options": {"num_predict": 1, "temperature": 0}}
_ANY_OBJECT = {"type": "object"}


class Findings(msgspec.Struct, frozen=True):
    """What was found out."""

    model: str
    card: ModelCard
    thinks: bool
    """Whether Ollama tells its thought from its answer."""
    embeds_at_once: bool
    """Whether several inputs may be embedded in one request."""


class _Tried(msgspec.Struct, frozen=True):
    """What an attempt to use the model showed."""

    works: bool = False
    has_logprobs: bool = False
    content: str = ""
    rendered: str | None = None


class _Vector(msgspec.Struct, frozen=True):
    """The embedding of a text, as this version gives it."""

    size: int
    is_of_many: bool
    """Whether it came from the address that takes many texts at once."""


class Probe:
    """Asks one server about one model."""

    def __init__(
        self, client: Client, endpoint: Endpoint, deadline: float, *, parallel: int
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._deadline = deadline
        self._parallel = parallel

    async def find(self, name: str | None) -> Findings:
        """Return what the model can do.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, or its model does nothing we know.
            OverloadedError: the server has no time even for this.
        """
        model = await self._model()
        shown = await self._show(model)
        chat = await self._chat(model) if shown.may("completion") else _Tried()
        vector = await self._vector(model) if shown.may("embedding") else None
        card = ModelCard(
            name=name or model,
            description=shown.description,
            operations=await self._operations(model, shown, chat, vector),
            engine="ollama",
            parameters=shown.parameters,
            context_length=await self._context_length(model, shown),
            parallel=self._parallel,
            has_logprobs=chat.has_logprobs,
            has_vision=chat.works and shown.has("vision"),
            has_tools=chat.works and shown.has("tools"),
            has_schema=chat.works and await self._holds_form(model),
            can_continue=not chat.works or await self._leaves_message_open(model),
            licence=shown.licence,
            embedding_size=vector.size if vector else None,
        )
        return Findings(model, card, shown.has("thinking"), vector is None or vector.is_of_many)

    async def _operations(
        self, model: str, shown: Shown, chat: _Tried, vector: "_Vector | None"
    ) -> tuple[Operation, ...]:
        works: dict[Operation, bool] = {
            "chat": chat.works,
            "complete": shown.may("completion") and await self._completes(model),
            "step": chat.has_logprobs,
            "embed": vector is not None,
        }
        if not any(works.values()):
            raise EngineError(
                f"{model} at {self._endpoint.root} neither chats, completes nor embeds; "
                "choose another model."
            )
        return tuple(operation for operation, does in works.items() if does)

    async def _model(self) -> str:
        """Return the model's name as Ollama writes it."""
        told = await self._client.get(self._url("tags"), self._deadline)
        listed = _converted(told, Listed)
        if listed is None:
            raise EngineError(f"{self._endpoint.root} lists no models; is Ollama running there?")
        names = [entry.name for entry in listed.models]
        wanted = self._endpoint.model
        if wanted is None and len(names) == 1:
            return names[0]
        for found in names:
            if wanted is not None and same_model(wanted, found):
                return found
        raise SettingsError(_missing(self._endpoint.root, wanted, names))

    async def _show(self, model: str) -> Shown:
        # Older versions take a `name` where newer ones take a `model`.
        body = {"model": model, "name": model}
        told = await self._client.post_json(self._url("show"), body, self._deadline)
        shown = _converted(told, Shown)
        if shown is None:
            raise EngineError(f"{self._endpoint.root} says nothing of {model}; update Ollama.")
        return shown

    async def _chat(self, model: str) -> _Tried:
        logprobs = {"logprobs": True, "top_logprobs": 1}
        return await self._attempt("chat", {"model": model, "messages": _HELLO, **logprobs})

    async def _completes(self, model: str) -> bool:
        return (await self._attempt("generate", {"model": model, "prompt": "1", "raw": True})).works

    async def _holds_form(self, model: str) -> bool:
        """Whether an answer begins as the wanted form does; one that thinks first may not yet."""
        body = {"model": model, "messages": _HELLO, "format": _ANY_OBJECT}
        tried = await self._attempt("chat", body)
        return tried.works and "{".startswith(tried.content.strip()[:1])

    async def _leaves_message_open(self, model: str) -> bool:
        """Whether Ollama goes on with a last message of the model's own, by how it writes one."""
        body = {"model": model, "messages": _BEGUN, "_debug_render_only": True}
        rendered = (await self._attempt("chat", body)).rendered
        return rendered is not None and rendered.endswith(_MARK)

    async def _vector(self, model: str) -> "_Vector | None":
        """Return how vectors come; nothing where none comes."""
        for path, key, body in (
            ("embed", "embeddings", {"model": model, "input": ["1"]}),
            ("embeddings", "embedding", {"model": model, "prompt": "1"}),
        ):
            told = await self._answer(path, body)
            vector = told.get(key)
            if isinstance(vector, list) and vector:
                vectors = cast("list[Any]", vector)
                is_many = path == "embed"
                return _Vector(len(vectors[0] if is_many else vectors), is_many)
        return None

    async def _context_length(self, model: str, shown: Shown) -> int | None:
        """Return what the loaded model has room for: often less than it was trained for."""
        with suppress(EngineError, RequestError):
            running = _converted(
                await self._client.get(self._url("ps"), self._deadline), Running
            ) or Running([])
            for entry in running.models:
                if same_model(model, entry.name) and entry.context_length:
                    return entry.context_length
        return shown.context_length

    async def _attempt(self, path: str, body: dict[str, Any]) -> _Tried:
        """Return what came of asking for one token."""
        told = await self._answer(path, body | _ONE_TOKEN)
        if not told:
            return _Tried()
        message, debug = told.get("message"), told.get("_debug_info")
        return _Tried(
            works=True,
            has_logprobs=bool(told.get("logprobs")),
            content=str(_field(message, "content") or ""),
            rendered=_field(debug, "rendered_template"),
        )

    async def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return an answer, and an empty one where the server refuses or fails.

        Raises:
            AvailabilityError: it has no time now; that says nothing of what the model can do.
        """
        told: Any = None
        try:
            told = await self._client.post_json(self._url(path), body, self._deadline)
        except AvailabilityError:
            raise
        except (EngineError, RequestError):
            return {}
        return cast("dict[str, Any]", told) if isinstance(told, dict) else {}

    def _url(self, path: str) -> str:
        return f"{self._endpoint.base}/{path}"


def _converted(told: Any, kind: type[Any]) -> Any:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(told, kind)
    return None


def _field(told: Any, name: str) -> Any:
    return cast("dict[str, Any]", told).get(name) if isinstance(told, dict) else None


def _missing(root: str, wanted: str | None, names: list[str]) -> str:
    there = ", ".join(names) or "none"
    if wanted is None:
        return f"{root} has more than one model or none; write one of {there} behind a #."
    return f"{root} has no model {wanted}, only {there}; get it with: ollama pull {wanted}"
