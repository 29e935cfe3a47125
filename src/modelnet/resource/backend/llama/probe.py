"""Finding out what a llama.cpp server can do, by asking for a little of each kind."""

import math
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from msgspec.structs import replace

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError, RequestError, SettingsError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    Message,
    Operation,
    Request,
    Score,
    Step,
)
from modelnet.resource.backend.grammar import grammar_of
from modelnet.resource.backend.likeness import are_alike
from modelnet.resource.backend.llama.event import Event, native_event
from modelnet.resource.backend.llama.operation import answer_at_once
from modelnet.resource.backend.llama.props import Listed, Props
from modelnet.resource.backend.llama.server import LlamaServer

_HELLO = "Hello there"
_LONGER = "Hello to everybody else who is there"
_ONE_TOKEN: dict[str, Any] = {
    "prompt": _HELLO,
    "n_predict": 1,
    "n_probs": 1,
    "temperature": 0.0,
    "stream": False,
}
_ALL: tuple[Operation, ...] = ("chat", "complete", "step", "score", "embed", "encode")
_TRUTH = _ONE_TOKEN | {"n_predict": 8, "grammar": grammar_of({"type": "boolean"})}

_SEVERAL = 5
_FLOAT_BYTES = 4

_CANNOT = (EngineError, RequestError)

_TOLERANCE = 0.5
"""Between log-probabilities of the same token, told twice: quantized models compute coarsely."""


class Probe:
    """Asks one server about one model."""

    def __init__(self, server: LlamaServer, deadline: float) -> None:
        self._server = server
        self._deadline = deadline
        self._card = ModelCard(name=server.name, operations=_ALL, engine="llama.cpp")

    async def find(self, name: str | None) -> ModelCard:
        """Return the card of the model, called `name` where that is given.

        Raises:
            SettingsError: the server has no such model.
            EngineError: the server cannot be reached, is not llama.cpp's, or does nothing we know.
            OverloadedError: the server has no time even for this.
        """
        listed = await self._listed()
        props = await self._server.props(self._deadline)
        known = ModelCard(
            name=name or self._server.model or _name(listed, props) or self._server.name,
            operations=(),
            engine="llama.cpp",
            parameters=listed.meta.n_params if listed and listed.meta else None,
            context_length=props.context_length,
            parallel=max(1, props.total_slots),
        )
        if (told := await self._attempt(Embed((_HELLO, _LONGER)))) is not None:
            await self._check_pooling(told)
            # What an embedder completes, where its server lets it, makes no sense.
            size = len(told.vectors[0]) // _FLOAT_BYTES
            return replace(known, operations=("embed",), embedding_size=size)
        return await self._generator(known, props)

    async def _generator(self, known: ModelCard, props: Props) -> ModelCard:
        """Return the card of a model that writes."""
        one = await self._draw()
        chats = one is not None and await self._chats()
        states = await self._attempt(Encode((_HELLO,)))
        answers: dict[Operation, bool] = {
            "chat": chats,
            "complete": one is not None,
            "step": one is not None and await self._steps(one),
            "score": one is not None and await self._scores(one),
            "encode": states is not None and await self._is_of_tokens(states),
        }
        operations: tuple[Operation, ...] = tuple(o for o, works in answers.items() if works)
        if not operations:
            raise EngineError(f"{self._server.name} does nothing this node knows; choose another.")
        return replace(
            known,
            operations=operations,
            has_logprobs=one is not None and bool(one.drawn),
            has_vision=chats and props.has_vision,
            has_tools=chats and props.has_tools,
            has_schema=chats and await self._keeps_grammar(),
            hidden_size=states.tensors[0].shape[1] if states and answers["encode"] else None,
        )

    async def _listed(self) -> Listed | None:
        """Return the entry of the model; an older server may list none.

        Raises:
            SettingsError: the server has no such model, or several and none was named.
        """
        listing = await self._server.models(self._deadline)
        wanted = self._server.model
        if wanted is None and len(listing) <= 1:
            return next(iter(listing), None)
        found = [entry for entry in listing if wanted in {entry.id, *entry.aliases}]
        if not found:
            names = ", ".join(entry.id for entry in listing) or "none"
            raise SettingsError(
                f"{self._server.name} is no one model of the server; write one of {names} "
                "behind a # in the address."
            )
        return found[0]

    async def _draw(self, body: dict[str, Any] = _ONE_TOKEN) -> Event | None:
        """Return what the model draws, and nothing where it cannot."""
        with suppress(*_CANNOT):
            answer = await self._server.post("/completion", body, self._deadline)
            event = native_event(self._server.name, answer)
            return event if event.finish is not None else None
        return None

    async def _chats(self) -> bool:
        with suppress(*_CANNOT):
            hello = Chat((Message("user", _HELLO),))
            prompt = await self._server.prompt(self._card, hello, self._deadline)
            return _HELLO in prompt.text
        return False

    async def _check_pooling(self, together: Chunk) -> None:
        """Return if an input has the vector it has alone when it shares a batch with a shorter one.

        Raises:
            EngineError: it has not: llama.cpp pools only a part of it.
        """
        alone = await self._attempt(Embed((_LONGER,)))
        if alone is not None and are_alike(alone.vectors[0], together.vectors[1]):
            return
        raise EngineError(
            f"{self._server.name} mixes up inputs that share a batch; start it with --kv-unified."
        )

    async def _steps(self, one: Event) -> bool:
        """Whether the probabilities stay what they were where the drawing is forced."""
        told = await self._attempt(Step(Complete(_HELLO), top_k=_SEVERAL))
        if told is None or not one.drawn or not one.drawn[0].top_logprobs:
            return False
        best = one.drawn[0].top_logprobs[0].alternative()
        found = {other.bytes: other.logprob for other in told.alternatives}
        again = found.get(best.bytes, -math.inf)
        return math.isclose(again, best.logprob, abs_tol=_TOLERANCE)

    async def _scores(self, one: Event) -> bool:
        if not await self._steps(one):
            return False
        return await self._attempt(Score(Complete(_HELLO), " friend")) is not None

    async def _is_of_tokens(self, states: Chunk) -> bool:
        """Whether there is a row a token, not scaled to length one."""
        try:
            tokens = await self._server.tokenize(_HELLO, self._deadline)
        except _CANNOT:
            return False
        rows, width = states.tensors[0].shape
        first = memoryview(states.tensors[0].data).cast("f")[:width]
        is_scaled = math.isclose(math.hypot(*first), 1.0, abs_tol=1e-3)
        return rows == len(tokens) > 1 and not is_scaled

    async def _keeps_grammar(self) -> bool:
        """Whether an answer that may be nothing but a truth value is one."""
        told = await self._draw(_TRUTH)
        return told is not None and told.text in {"true", "false"}

    async def _attempt(self, request: Request) -> Chunk | None:
        """Return the answer, and nothing where the server cannot give one."""
        with suppress(*_CANNOT):
            return await answer_at_once(self._card, self._server, request, self._deadline)
        return None


def _name(listed: Listed | None, props: Props) -> str:
    """Return what the server calls the model; of a file's path only its name."""
    alias = props.model_alias or (listed.id if listed else "")
    return PurePath(alias).stem if alias.endswith(".gguf") else alias
