"""Finding out what a server's model can do: what it says of itself, and a trial of each ability."""

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError
from modelnet.core.request import MAX_TOP_K, Operation
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.endpoint import Endpoint
from modelnet.resource.backend.openai.ability import (
    embedding_size,
    formats_of,
    has_metrics,
    open_message,
    reads_images,
    scoring_of,
    tools_of,
)
from modelnet.resource.backend.openai.endpoint import is_cloud
from modelnet.resource.backend.openai.finding import Continuation, Dialect, Findings, Occupancy
from modelnet.resource.backend.openai.listing import Listed, Props, listed, props_of
from modelnet.resource.backend.openai.trial import Heard, Trial

PARALLEL = 16
"""Requests a server is taken to run at once where it does not say."""


async def probe(client: Client, endpoint: Endpoint, name: str | None, deadline: float) -> Findings:
    """Return what the model can do; about a dozen requests, of a few tokens together.

    Raises:
        SettingsError: the server has no such model.
        EngineError: the server cannot be reached, or its model does nothing we know.
        AvailabilityError: the server has no time even for this.
    """
    told = await listed(client, endpoint, deadline)
    props = None if is_cloud(endpoint) else await props_of(client, endpoint, deadline)
    return await _Probe(Trial(client, endpoint, told.id, deadline), endpoint, told, props).find(
        name
    )


class _Probe:
    """One probe under way."""

    def __init__(self, trial: Trial, endpoint: Endpoint, told: Listed, props: Props | None) -> None:
        self._trial = trial
        self._endpoint = endpoint
        self._told = told
        self._props = props

    async def find(self, name: str | None) -> Findings:
        is_llama = self._props is not None or self._told.is_llama
        embedding = await embedding_size(self._trial, is_llama=is_llama)
        # What an embedder of llama.cpp writes, where its server lets it, makes no sense.
        writes = not (is_llama and embedding)
        chat = await self._trial.chat() if writes else None
        completion = await self._trial.completion(is_llama=is_llama) if writes else None
        continuation, ends = await self._continuation(chat, completion)
        scoring = None
        if completion is not None and completion.alternatives:
            has_ids = continuation == "final_message"
            scoring = await scoring_of(self._trial, has_ids=has_ids)
        has_tools, forces_tools = await self._tools(chat)
        formats = await formats_of(self._trial, chat.dialect) if chat else frozenset[str]()
        steps = self._most(completion) or (continuation is not None and self._most(chat))
        can: dict[Operation, bool] = {
            "chat": chat is not None,
            "complete": completion is not None,
            "step": bool(steps),
            "score": scoring is not None,
            "embed": embedding is not None,
        }
        card = ModelCard(
            name=name or self._told.id,
            operations=self._operations(can),
            engine="openai",
            parameters=self._told.parameters,
            context_length=self._props.n_ctx if self._props else self._told.tokens,
            parallel=max(1, self._props.total_slots) if self._props else PARALLEL,
            has_logprobs=bool(self._most(chat or completion)),
            has_vision=await self._sees(chat),
            has_tools=has_tools,
            has_schema="json_schema" in formats,
            can_continue=continuation is not None,
            embedding_size=embedding,
        )
        return Findings(
            model=self._told.id,
            card=card,
            dialect=chat.dialect if chat else completion.dialect if completion else Dialect(),
            continuation=continuation,
            chat_alternatives=self._most(chat),
            completion_alternatives=self._most(completion),
            scoring=scoring,
            occupancy=await self._occupancy(),
            is_llama=is_llama,
            formats=formats,
            forces_tools=forces_tools,
            ends=ends,
        )

    def _operations(self, can: dict[Operation, bool]) -> tuple[Operation, ...]:
        operations: tuple[Operation, ...] = tuple(one for one, works in can.items() if works)
        if not operations:
            raise EngineError(
                f"{self._told.id} at {self._endpoint.root} neither chats, completes nor embeds; "
                "choose another model."
            )
        return operations

    def _most(self, heard: Heard | None) -> int:
        """Return the most alternatives to a token: those that came, or all there can be."""
        count = heard.alternatives if heard else 0
        return MAX_TOP_K if count and count == self._told.vocabulary else count

    async def _continuation(
        self, chat: Heard | None, completion: Heard | None
    ) -> tuple[Continuation, frozenset[str]]:
        if chat is None or self._props is not None:
            return "template" if completion else None, frozenset()
        ends = None if is_cloud(self._endpoint) else await open_message(self._trial)
        return (None, frozenset()) if ends is None else ("final_message", ends)

    async def _occupancy(self) -> Occupancy:
        if self._props is not None:
            return "slots"
        tells = not is_cloud(self._endpoint) and await has_metrics(self._trial)
        return "metrics" if tells else None

    async def _tools(self, chat: Heard | None) -> tuple[bool, bool]:
        if chat is None:
            return False, False
        if self._props and not self._props.chat_template_caps.get("supports_tools"):
            return False, False
        return await tools_of(self._trial, chat)

    async def _sees(self, chat: Heard | None) -> bool:
        if self._props is not None:
            return self._props.modalities.get("vision", False)
        return chat is not None and await reads_images(self._trial, chat)
