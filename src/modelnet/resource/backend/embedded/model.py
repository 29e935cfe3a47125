"""A GGUF file as a Model: the shell between the event loop and llama.cpp's threads."""

import hashlib
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from pathlib import Path

import anyio.to_thread
import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, ModelFileError
from modelnet.core.request import Chat, Complete, Request
from modelnet.resource.backend.embedded.card import Claims, card_of, settings_of
from modelnet.resource.backend.embedded.engine import Engine
from modelnet.resource.backend.embedded.gguf import GgufHeader, read_header
from modelnet.resource.backend.embedded.job import Job
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported
from modelnet.resource.backend.http.client import Client
from modelnet.resource.backend.http.pool import SPARE_CONNECTIONS
from modelnet.resource.backend.llama.operation import answer_at_once
from modelnet.resource.backend.llama.server import LlamaServer
from modelnet.resource.backend.thread import Threads
from modelnet.resource.copy.file import ModelFile
from modelnet.resource.machine import usable_threads

DEFAULT_PARALLEL = 4
PROBE_TIMEOUT_S = 60.0


class _Running(msgspec.Struct, frozen=True):
    """What there is between start and stop."""

    engine: Engine
    threads: Threads
    client: Client
    server: LlamaServer


class EmbeddedModel:
    """Any GGUF file, run by llama.cpp in this process."""

    def __init__(
        self,
        path: Path,
        claims: Claims | None = None,
        *,
        parallel: int = DEFAULT_PARALLEL,
        clock: Clock = system_clock,
    ) -> None:
        self._path = path
        self._claims = claims or Claims()
        self._name = self._claims.name or path.stem
        self._parallel = parallel
        self._clock = clock
        self._lifetime = Lifetime(self._name, clock)
        self._card: ModelCard | None = None
        self._running: _Running | None = None
        self._jobs: set[Job] = set()

    @property
    def card(self) -> ModelCard:
        """What the file and the claims say; known once started."""
        if self._card is None:
            raise EngineError(f"The model {self._name} was never started; start it first.")
        return self._card

    @property
    def file(self) -> ModelFile:
        """The file it is made of."""
        return ModelFile(path=self._path, form="gguf", may_copy=self._claims.may_copy)

    def permitting(self, *, may_copy: bool) -> "EmbeddedModel":
        """Return a model of the same file, not started, whose owner said this of copies."""
        claims = msgspec.structs.replace(self._claims, may_copy=may_copy)
        return EmbeddedModel(self._path, claims, parallel=self._parallel, clock=self._clock)

    async def start(self) -> None:
        """Check the file, load it, and see what its chat template can do.

        Raises:
            ModelFileError: the file is missing, corrupt, or not the one that was claimed.
        """
        header = await anyio.to_thread.run_sync(self._check_file)
        settings = settings_of(header, self._parallel, usable_threads())
        engine = await anyio.to_thread.run_sync(Engine, self._path, settings)
        self._running = self._around(engine)
        self._lifetime.begin()
        try:
            props = await self._running.server.props(self._clock() + PROBE_TIMEOUT_S)
        except BaseException:
            await self.stop()
            raise
        card = card_of(header, self._name, self._claims, self._parallel)
        can_chat = "chat" in card.operations
        self._card = msgspec.structs.replace(card, has_tools=can_chat and props.has_tools)

    def _around(self, engine: Engine) -> _Running:
        headers = {"Authorization": f"Bearer {engine.key}"}
        client = Client(engine.root, self._name, self._lifetime, self._clock, headers)
        client.open(self._parallel + SPARE_CONNECTIONS)
        threads = Threads(self._parallel, self._name)
        return _Running(engine, threads, client, LlamaServer(client, engine.root, self._name))

    async def stop(self) -> None:
        """End the answers under way and unload the model."""
        self._lifetime.end()
        for job in self._jobs:
            job.cancel()
        running, self._running = self._running, None
        if running is None:
            return
        with anyio.CancelScope(shield=True):
            await running.client.close()
            await running.threads.end()
            await anyio.to_thread.run_sync(running.engine.close)

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        running = self._runs()
        if not isinstance(request, Chat | Complete):
            yield await answer_at_once(self.card, running.server, request, deadline)
            return
        async with aclosing(self._answer(running, request, deadline)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _answer(
        self, running: _Running, request: Chat | Complete, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        temperature = self._claims.temperature
        asking = await running.server.asking(self.card, request, deadline, temperature)
        # It may have been stopped meanwhile.
        self._lifetime.check()
        job = Job(self._name, asking, request.sampling.top_logprobs)
        with self._under_way(job):
            job.begin(running.threads, running.engine)
            is_finished = False
            while not is_finished:
                with self._lifetime.wait(deadline):
                    chunk = await job.next()
                if chunk is not None:
                    is_finished = chunk.finish is not None
                    yield chunk

    @contextmanager
    def _under_way(self, job: Job) -> Generator[None, None, None]:
        self._jobs.add(job)
        try:
            yield
        finally:
            job.cancel()
            self._jobs.discard(job)

    def _runs(self) -> _Running:
        if self._running is None:
            raise EngineError(f"The model {self._name} is not running; start it first.")
        return self._running

    def _check_file(self) -> GgufHeader:
        header = read_header(self._path)
        if self._claims.sha256 is not None:
            with self._path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != self._claims.sha256:
                raise ModelFileError(
                    f"{self._path} is not the file that was published; install the package again."
                )
        return header
