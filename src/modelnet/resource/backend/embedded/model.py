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
from modelnet.core.error import EngineError, ModelFileError, SettingsError
from modelnet.core.request import Chat, Complete, Request
from modelnet.resource.backend.embedded.card import Claims, card_of, settings_of
from modelnet.resource.backend.embedded.engine import Engine
from modelnet.resource.backend.embedded.gguf import GgufHeader, read_header
from modelnet.resource.backend.embedded.job import Job
from modelnet.resource.backend.embedded.picture import check_pictures
from modelnet.resource.backend.embedded.projector import check_projector, try_projector
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
        projector: Path | None = None,
        parallel: int = DEFAULT_PARALLEL,
        clock: Clock = system_clock,
    ) -> None:
        """Run the file at `path`.

        Args:
            path: of the model.
            claims: what is known of it beyond what it says.
            projector: the path of the file that turns images into its tokens, if it is to see.
            parallel: requests that run at once.
            clock: tells the time, Unix seconds.
        """
        self._path = path
        self._projector = projector
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
        """The file it is made of, of which no copies are made where it sees with a second one."""
        # A copy would bear its name, and be blind.
        may_copy = self._claims.may_copy if self._projector is None else False
        return ModelFile(path=self._path, form="gguf", may_copy=may_copy)

    @property
    def projector(self) -> Path | None:
        """The file with which it sees images, if it does."""
        return self._projector

    def permitting(self, *, may_copy: bool) -> "EmbeddedModel":
        """Return a model of the same file, not started, whose owner said this of copies.

        Raises:
            SettingsError: it has a projector, and may be copied.
        """
        if may_copy and self._projector is not None:
            raise SettingsError(
                f"{self._name} has a projector, which a copy would lack; leave out `?copy=yes`."
            )
        return EmbeddedModel(
            self._path,
            msgspec.structs.replace(self._claims, may_copy=may_copy),
            projector=self._projector,
            parallel=self._parallel,
            clock=self._clock,
        )

    async def start(self) -> None:
        """Check the files, load them, and see what the chat template can do, and the projector.

        Raises:
            ModelFileError: a file is missing, corrupt, or not the one that was claimed, or the
                projector is not made for the model.
        """
        header = await anyio.to_thread.run_sync(self._check_files)
        settings = settings_of(header, self._parallel, usable_threads(), self._projector)
        if self._projector is not None:
            await try_projector(self._path, settings)
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
        self._card = msgspec.structs.replace(
            card,
            has_tools=can_chat and props.has_tools,
            has_vision=can_chat and props.has_vision,
        )

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
        if isinstance(request, Chat) and request.has_image:
            check_pictures(request.messages)
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

    def _check_files(self) -> GgufHeader:
        header = read_header(self._path)
        if self._claims.sha256 is not None:
            with self._path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != self._claims.sha256:
                raise ModelFileError(
                    f"{self._path} is not the file that was published; install the package again."
                )
        if self._projector is not None:
            check_projector(self._projector, self._path, header)
        return header
