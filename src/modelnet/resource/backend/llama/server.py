"""llama.cpp's HTTP server, and what has to be asked of it before a model answers.

The embedded engine has the same server within this process, so that all of this is written once.
"""

from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import ContextTooLongError, EngineError, UnsupportedError
from modelnet.core.request import Chat, Complete, Message
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.llama.props import Listed, Props, listed_of, props_of
from modelnet.resource.backend.llama.token import Piece, pieces_of, tokenize_body
from modelnet.resource.backend.llama.wire import (
    chat_body,
    completion_body,
    is_fresh,
    messages_of,
    needs_chat,
    refuse_continued_chat,
    refuse_lost,
)
from modelnet.resource.backend.reasoning import Phase, continued, is_thinking, phase_after

_TOO_LARGE = b"too large to process"
"""In llama.cpp's answer to an input that does not fit one batch."""

_HARMLESS = ("a", "1")
_HELLO = Chat((Message("user", "Hello"),))


class Prompt(NamedTuple):
    """The text a model is to go on after, and where in its answer that is."""

    text: str
    phase: Phase


class Asking(NamedTuple):
    """How to ask for an answer that streams."""

    is_chat: bool
    """Whether llama.cpp reads the conversation itself, at another address."""
    body: dict[str, Any]
    phase: Phase


class LlamaServer:
    """One model of a llama.cpp server."""

    def __init__(self, client: Client, root: str, name: str, model: str | None = None) -> None:
        """Ask the server at `root`; `model` names one of several that a router serves."""
        self._client = client
        self._root = root
        self.model = model
        self._harmless: Piece | None = None
        self._opens_thought: bool | None = None
        self.name = name

    async def props(self, deadline: float) -> Props:
        """Return what the server says of itself.

        Raises:
            EngineError: it is no llama.cpp server.
        """
        query = f"?model={quote(self.model, safe='')}" if self.model else ""
        told = await self._client.get(self.url(f"/props{query}"), deadline)
        return props_of(self.name, told)

    async def models(self, deadline: float) -> list[Listed]:
        """Return the models of the server.

        Raises:
            EngineError: it lists none.
        """
        told = await self._client.get(self.url("/v1/models"), deadline)
        return listed_of(self.name, told)

    def url(self, path: str) -> str:
        """Return the address of a path at the server."""
        return self._root + path

    async def asking(
        self,
        card: ModelCard,
        request: Chat | Complete,
        deadline: float,
        default_temperature: float | None = None,
    ) -> Asking:
        """Return how to ask for an answer.

        Raises:
            UnsupportedError: llama.cpp would leave out a part of what is asked.
            InvalidRequestError: the template refuses the conversation.
        """
        refuse_continued_chat(card, request)
        if isinstance(request, Chat) and await self._reads(request, deadline):
            refuse_lost(card, request)
            phase = await self._phase(request, deadline)
            body = chat_body(request, default_temperature, is_thinking=phase == "opened")
            return Asking(True, self.with_model(body), phase)
        text, phase = await self.prompt(card, request, deadline)
        is_thinking = phase == "thinking"
        body = completion_body(text, request, default_temperature, is_thinking=is_thinking)
        return Asking(False, self.with_model(body), phase)

    async def _reads(self, chat: Chat, deadline: float) -> bool:
        """Whether llama.cpp reads a conversation itself; else it is rendered first.

        Where the template opens the thought of the answer to come, only the rendered prompt shows.
        """
        if needs_chat(chat) or not is_fresh(chat):
            return needs_chat(chat)
        return not await self._opens(deadline)

    async def _phase(self, chat: Chat, deadline: float) -> Phase:
        """Return where an answer begins that llama.cpp reads itself, as it is written.

        Where there are tools it tells the thought apart itself.
        """
        if chat.has_image and not chat.has_tools and await self._opens(deadline):
            return "opened"
        return "undecided"

    async def _opens(self, deadline: float) -> bool:
        """Whether the template opens the thought of the answer to come."""
        if self._opens_thought is None:
            self._opens_thought = is_thinking(await self._render(_HELLO, deadline))
        return self._opens_thought

    async def prompt(self, card: ModelCard, request: Chat | Complete, deadline: float) -> Prompt:
        """Return what the model is to go on after, the answer begun elsewhere at its end.

        Raises:
            UnsupportedError: the template would leave out a part of the conversation.
            InvalidRequestError: the template refuses the conversation.
        """
        begun = request.partial
        if isinstance(request, Complete):
            return Prompt(request.prompt + begun.text, "speaking")
        refuse_lost(card, request)
        if request.has_image:
            raise UnsupportedError(f"{card.name} tells no tokens of images; leave them out.")
        rendered = await self._render(request, deadline)
        phase = phase_after(rendered, begun.text, begun.reasoning)
        return Prompt(rendered + continued(rendered, begun.text, begun.reasoning), phase)

    async def _render(self, chat: Chat, deadline: float) -> str:
        body: dict[str, Any] = {"messages": messages_of(chat.messages)}
        if chat.tools:
            body["tools"] = chat.tools
        answer = await self.post("/apply-template", body, deadline)
        try:
            return msgspec.json.decode(answer, type=_Rendered).prompt
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EngineError(f"{self.name} rendered no prompt; ask another model.") from error

    async def tokenize(self, text: str, deadline: float) -> list[Piece]:
        """Return the tokens of a text, as a prompt of that text has them.

        Raises:
            EngineError: the server does not tell them.
        """
        return pieces_of(self.name, await self.post("/tokenize", tokenize_body(text), deadline))

    async def harmless(self, deadline: float) -> Piece:
        """Return a token whose drawing llama.cpp never keeps back.

        Raises:
            EngineError: there is none.
        """
        if self._harmless is None:
            found = [piece for text in _HARMLESS for piece in await self.tokenize(text, deadline)]
            self._harmless = next((p for p in reversed(found) if p.bytes and p.is_drawable), None)
        if self._harmless is None:
            raise EngineError(f"{self.name} has no tokens for letters; ask another model.")
        return self._harmless

    async def post(self, path: str, body: dict[str, Any], deadline: float) -> bytes:
        """Return the whole answer to a request.

        Raises:
            ModelnetError: the server refused or failed.
        """
        raw = msgspec.json.encode(self.with_model(body))
        answer = await self._client.exchange("POST", self.url(path), deadline, body=raw)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and _TOO_LARGE in answer.body:
            raise ContextTooLongError(f"An input is too long for {self.name}; shorten it.")
        return self._client.accepted(answer)

    def with_model(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body that names the model, where the server has several."""
        return body if self.model is None else body | {"model": self.model}


class _Rendered(msgspec.Struct):
    prompt: str
