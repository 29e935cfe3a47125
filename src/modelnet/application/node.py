"""A node from Python: `async with modelnet.Node(models=["zoo:calc"]) as node: ...`."""

import logging
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from modelnet.application.compose import (
    Copying,
    Parts,
    Recalling,
    open_encoder,
    open_network,
    open_store,
    wire,
)
from modelnet.application.front_door import front_door
from modelnet.application.home import settle
from modelnet.application.settings import Settings, load_settings
from modelnet.application.specified import as_model
from modelnet.application.ungrouping import ungrouped
from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import (
    SettingsError,
    StorageError,
    UnknownModelError,
)
from modelnet.core.identity import NodeId, new_request_id
from modelnet.core.request import Chat, Message, Request
from modelnet.core.task import AUTO, Contribution, Task
from modelnet.core.wish import NO_WISH, Wish
from modelnet.resource.beacon import Beacon, Look
from modelnet.resource.copy.offload import in_thread, inline
from modelnet.resource.copy.store import Copy
from modelnet.resource.directory import CardsAnnounced, Directory, Offer
from modelnet.resource.machine import look_at_machine
from modelnet.resource.message import announce_cards
from modelnet.resource.model import Model
from modelnet.resource.sandbox.sandbox import Sandbox
from modelnet.transport.network import Network
from modelnet.trust.key import NodeKey

_log = logging.getLogger(__name__)

ANSWER_S = 120.0
"""How long an answer may take unless the asker says otherwise."""


class Node:
    """One node of the network: serves models, finds others, answers with all of them.

    Args:
        settings: everything a node can be told; read from file and environment when not given.
        models: what to serve besides `settings.models`: specifications such as `zoo:calc` or
            `gguf:PATH`, functions, fitted estimators of scikit-learn, or objects that implement
            `modelnet.resource.model.Model`.
        with_http: also listen for the OpenAI API.
        network: a Network not yet entered, instead of the one the settings describe.
        key: this node's key, instead of the one in the data directory. Where another process
            already lives in that directory, the node gets a key of its own for this one life.
        clock: where Unix time comes from.
        rng: what breaks ties among equal models.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        models: Iterable[str | Model | Callable[..., Any]] = (),
        with_http: bool = True,
        network: Network | None = None,
        key: NodeKey | None = None,
        clock: Clock = system_clock,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        self._specified = (*self._settings.models, *models)
        self._with_http = with_http
        self._given_network = network
        self._given_key = key
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  spreads load, guards nothing
        self._stack = AsyncExitStack()
        self._parts: Parts | None = None
        self._has_encoder = False
        self._sandbox = Sandbox() if self._settings.run_tests else None
        self._background: TaskGroup | None = None
        self._url: str | None = None

    @property
    def parts(self) -> Parts:
        """The rooms of this node, wired.

        Raises:
            RuntimeError: the node was not entered with `async with`.
        """
        if self._parts is None:
            raise RuntimeError("Enter the node first: `async with Node(...) as node`.")
        return self._parts

    @property
    def id(self) -> NodeId:
        """The public key that is this node."""
        return self.parts.key.node

    @property
    def name(self) -> str:
        """What people call this node."""
        return self._settings.name

    @property
    def url(self) -> str | None:
        """The base URL for OpenAI clients, or `None` without HTTP."""
        return self._url

    @property
    def listen(self) -> tuple[str, ...]:
        """Endpoints at which other nodes can join."""
        return self.parts.network.listen

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The models of this node."""
        return self.parts.host.cards

    @property
    def directory(self) -> Directory:
        """What this node knows of the network now."""
        return self.parts.watcher.directory

    def offers(self) -> tuple[Offer, ...]:
        """Every model of the network that can be asked now."""
        return self.parts.coordinator.offers()

    async def wait_until(self, is_reached: Callable[[Directory], bool]) -> None:
        """Return as soon as the directory is as wished; the caller sets the deadline."""
        await self.parts.watcher.wait_until(is_reached)

    def answer(self, task: Task) -> AsyncGenerator[Chunk | Contribution, None]:
        """Answer a task, and learn from how; see `Coordinator.answer`."""
        return self.parts.answering.answer(task)

    async def ask(
        self,
        prompt: str | Request,
        *,
        model: str = AUTO,
        timeout_s: float = ANSWER_S,
        wish: Wish = NO_WISH,
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the answer to a question, chunk by chunk.

        Args:
            prompt: the question, or a whole request.
            model: `auto`, a model, `model@node`, or a fallback chain "A, B, C".
            timeout_s: seconds the whole answer may take.
            wish: limits on cost, time and quality, and what these are worth.

        Raises:
            ModelnetError: no model could answer.
        """
        request = Chat((Message("user", prompt),)) if isinstance(prompt, str) else prompt
        task = Task(
            id=new_request_id(),
            request=request,
            models=tuple(name.strip() for name in model.split(",")),
            deadline=self._clock() + timeout_s,
            wish=wish,
        )
        async with aclosing(self.answer(task)) as steps:
            async for step in steps:
                if isinstance(step, Chunk):
                    yield step

    async def serve(self, specified: str | Model | Callable[..., Any]) -> ModelCard:
        """Start one more model and offer it to the network.

        Raises:
            SetupError: the specification makes no sense or the model's file is not usable.
            EngineError: the engine cannot be reached.
        """
        model = as_model(specified)
        await model.start()
        self._stack.push_async_callback(model.stop)
        self._add(model)
        await self.parts.mover.describe([model], is_quick=True)
        try:
            await self._announce_cards()
        except SettingsError:
            self.parts.host.remove(model.card.name)
            raise
        if self._background is not None:
            self._background.start_soon(self._describe, [model])
        return model.card

    async def serve_copy(self, copy: Copy) -> ModelCard:
        """Serve a file that came from other nodes: `modelnet.interaction.mover.Home`.

        Raises:
            ModelFileError: it is not a model.
        """
        from modelnet.resource.backend.embedded import Claims, EmbeddedModel

        card = copy.card
        claims = Claims(
            name=card.name,
            description=card.description,
            skills=card.skills,
            may_copy=card.artifact is None or card.artifact.may_copy,
        )
        return await self.serve(EmbeddedModel(copy.path, claims, clock=self._clock))

    async def announce(self) -> None:
        """Tell the network what this node has now: `modelnet.interaction.mover.Home`."""
        await self._announce_cards()

    async def withdraw(self, name: str) -> None:
        """Stop offering a model; answers under way go on, and it is released with the node.

        Raises:
            UnknownModelError: this node does not serve it.
        """
        self.parts.mover.forget(name)
        if self.parts.host.remove(name) is None:
            raise UnknownModelError(f"This node does not serve {name!r}.")
        await self._announce_cards()

    async def __aenter__(self) -> Self:
        """Start the models, join the network, listen."""
        with ungrouped():
            await self._enter()
        return self

    async def _enter(self) -> None:
        async with AsyncExitStack() as stack:
            self._parts = parts = self._wire(stack)
            stack.push_async_callback(parts.store.close)
            stack.callback(parts.reader.close)
            await self._recall()
            if self._sandbox is not None:
                await self._sandbox.trial()
            models = await self._start_models(stack)
            await stack.enter_async_context(parts.network)
            await self._announce_cards()
            background = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(background.cancel_scope.cancel)
            await background.start(parts.watcher.follow, parts.network)
            beacon = Beacon(parts.host, parts.network, parts.watcher, self._look())
            background.start_soon(beacon.run)
            background.start_soon(self._load_encoder)
            background.start_soon(parts.forecaster.run)
            stack.callback(parts.forecaster.close)
            if self._settings.exams:
                background.start_soon(parts.examiner.run)
            if self._sandbox is not None:
                background.start_soon(parts.coordinator.prover.run)
            if parts.prefetcher is not None:
                background.start_soon(parts.prefetcher.run)
            await self._move_models(background, models)
            if self._with_http:
                door = front_door(parts, self._settings, self._clock)
                self._url = await stack.enter_async_context(door)
            self._stack = stack.pop_all()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave: open answers end, peers see it at once, the models are released."""
        if isinstance(exc, Exception):
            # The caller's own error leaves as it is, not wrapped by the group of our tasks.
            await self._stack.aclose()
        else:
            await self._stack.__aexit__(exc_type, exc, traceback)

    def _wire(self, stack: AsyncExitStack) -> Parts:
        settings = self._settings
        key, is_at_home = settle(stack, settings.data_dir, self._given_key)
        network = self._given_network or open_network(settings, key, self._clock)
        # A simulation has a network of its own, and knows of no threads.
        offload = in_thread if self._given_network is None else inline
        copying = Copying.of(settings, offload)
        store = open_store(settings, is_at_home=is_at_home and self._given_network is None)
        self._has_encoder = is_at_home and self._given_network is None
        return wire(
            key,
            network,
            self._clock,
            self._rng,
            copying,
            store,
            keeps_embeddings=settings.keep_embeddings,
            wish=settings.wish,
            trying=self._sandbox,
            recalling=Recalling.of(settings),
        )

    async def _recall(self) -> None:
        """Learn again what earlier lives learnt; a node that cannot starts all the same."""
        try:
            await self.parts.teacher.recall()
        except StorageError as error:
            _log.warning("What was learnt before is not known: %s", error)

    async def _load_encoder(self) -> None:
        """Learn what questions are about, from when the encoder is loaded; nobody waits for that.

        A guest in another's directory learns nothing for long, and a simulation knows no threads.
        """
        if not self._has_encoder:
            return
        data_dir, clock = self._settings.data_dir, self._clock
        encoder = await anyio.to_thread.run_sync(
            open_encoder, data_dir, clock, abandon_on_cancel=True
        )
        if encoder is not None:
            self.parts.reader.use(encoder)

    def _look(self) -> Look | None:
        """Return how to look at this machine; a node of a simulation has none."""
        if self._given_network is not None:
            return None
        return partial(look_at_machine, self._settings.data_dir)

    async def _announce_cards(self) -> None:
        parts = self.parts
        cards, copies = parts.host.cards, tuple(parts.mover.copies)
        takes_over = parts.mover.rules.takes_over
        state = announce_cards(parts.key, self.name, cards, copies, takes_over=takes_over)
        told = CardsAnnounced(self.id, self.name, cards, frozenset(copies), takes_over)
        parts.watcher.tell(told)
        await parts.network.announce("card", state)

    async def _start_models(self, stack: AsyncExitStack) -> list[Model]:
        """Start the models side by side, and serve them in the order they were given."""
        models = [as_model(specified) for specified in self._specified]
        async with anyio.create_task_group() as starting:
            for model in models:
                stack.push_async_callback(model.stop)
                starting.start_soon(model.start)
        for model in models:
            self._add(model)
        await self.parts.mover.describe(models, is_quick=True)
        return models

    async def _move_models(self, background: TaskGroup, models: list[Model]) -> None:
        """Hand models on, and bring others here, from now on."""
        parts, self._background = self.parts, background
        background.start_soon(parts.sender.run)
        await background.start(parts.mover.run, self)
        if parts.mover.copies:
            await self._announce_cards()
        background.start_soon(self._describe, models)
        if parts.mover.rules.takes_over:
            background.start_soon(parts.takeover.run)

    async def _describe(self, models: list[Model]) -> None:
        """Say which files models are made of; hashing large ones takes its time."""
        if await self.parts.mover.describe(models, is_quick=False):
            await self._announce_cards()

    def _add(self, model: Model) -> None:
        name = model.card.name
        if any(card.name == name for card in self.cards):
            raise SettingsError(f"Two models are called {name!r}; rename one: OTHER=SPEC.")
        self.parts.host.add(model)
