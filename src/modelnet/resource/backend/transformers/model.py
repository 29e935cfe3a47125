"""A Hugging Face folder as a Model: the shell between the event loop and torch's threads."""

from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.request import Chat, Complete, Prefix, Request, Score, Step
from modelnet.resource.backend.guard import Lifetime, refuse_response_format, refuse_unsupported
from modelnet.resource.backend.transformers.ability import card_of
from modelnet.resource.backend.transformers.engine import Engine
from modelnet.resource.backend.transformers.folder import Folder, read_folder
from modelnet.resource.backend.transformers.job import Job
from modelnet.resource.backend.transformers.loading import blaming
from modelnet.resource.backend.transformers.prompt import refuse_forced_call

DEFAULT_PARALLEL = 4
"""Threads that compute at once: torch lets go of the interpreter while it does."""


class _Running(NamedTuple):
    folder: Folder
    engine: Engine
    card: ModelCard
    workers: ThreadPoolExecutor


class TransformersModel:
    """A local folder, run by torch in this process."""

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        parallel: int = DEFAULT_PARALLEL,
        clock: Clock = system_clock,
    ) -> None:
        self._path = path
        self._name = name or path.resolve().name
        self._parallel = parallel
        self._lifetime = Lifetime(self._name, clock)
        self._card: ModelCard | None = None
        self._running: _Running | None = None
        self._jobs: set[Job] = set()

    @property
    def card(self) -> ModelCard:
        """What the model showed that it can do; known once started."""
        if self._card is None:
            raise EngineError(f"The model {self._name} was never started; start it first.")
        return self._card

    @property
    def n_open(self) -> int:
        """Texts the engine is reading right now."""
        return self._running.engine.n_open if self._running else 0

    async def start(self) -> None:
        """Load the folder, and try what the model can do.

        Raises:
            SettingsError: torch or transformers is not installed.
            ModelFileError: the folder is missing, incomplete, corrupt, or of a kind not served.
        """
        self._running = await anyio.to_thread.run_sync(self._load)
        self._card = self._running.card
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way and unload the model."""
        self._lifetime.end()
        for job in self._jobs:
            job.is_stopped = True
        running, self._running = self._running, None
        if running is None:
            return
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(running.workers.shutdown)
            await anyio.to_thread.run_sync(running.engine.close)

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if (prefix := _prefix_of(request)) is not None:
            refuse_response_format(self.card, prefix)
            refuse_forced_call(self.card, prefix)
        with self._job(request) as job:
            is_finished = False
            while not is_finished:
                with self._lifetime.wait(deadline):
                    chunks = await job.take()
                for chunk in chunks:
                    is_finished = chunk.finish is not None
                    yield chunk

    @contextmanager
    def _job(self, request: Request) -> Generator[Job, None, None]:
        if self._running is None:
            raise EngineError(f"The model {self._name} is not running; start it first.")
        job = Job(self.card, request, self._running.folder.embedder)
        self._jobs.add(job)
        try:
            job.submit_to(self._running.workers, self._running.engine)
            yield job
        finally:
            job.is_stopped = True
            self._jobs.discard(job)

    def _load(self) -> _Running:
        folder = read_folder(self._path)
        with blaming(self._path):
            engine = Engine(folder, self._name)
            card = card_of(engine, folder, self._name, self._parallel)
        workers = ThreadPoolExecutor(self._parallel, thread_name_prefix=self._name)
        return _Running(folder, engine, card, workers)


def _prefix_of(request: Request) -> Prefix | None:
    match request:
        case Chat() | Complete():
            return request
        case Step() | Score():
            return request.prefix
        case _:
            return None
