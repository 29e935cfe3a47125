"""A GGUF file as a Model: the shell between the event loop and llama.cpp's threads."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import anyio.to_thread
import msgspec

from modelnet.core.card import ModelCard, Skill
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, ModelFileError
from modelnet.core.request import Chat, Complete, Embed, Request
from modelnet.resource.backend.embedded.answer import AnswerReader
from modelnet.resource.backend.embedded.engine import Engine, EngineSettings
from modelnet.resource.backend.embedded.gguf import GgufHeader, read_header
from modelnet.resource.backend.embedded.wire import (
    completion_body,
    embed_body,
    embed_chunk,
    messages_of,
)
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_continued_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.mailbox import Mailbox
from modelnet.resource.backend.reasoning import Phase, ReasoningFilter, continued, phase_after

DEFAULT_PARALLEL = 4
DEFAULT_CONTEXT_LENGTH = 8192
"""Tokens a request may have where the model allows more: memory is reserved for all of them."""

TINY_PARAMETERS = 50_000_000
"""Below it a second thread costs more in waiting than it saves in work."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a GGUF file beyond what it says itself."""

    name: str | None = None
    """The name of the file without its ending, unless given."""
    description: str = ""
    skills: tuple[Skill, ...] = ()
    sha256: str | None = None
    """Hexadecimal; a file with another digest is refused."""
    temperature: float | None = None
    """For requests that give none."""


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
        self._lifetime = Lifetime(self._name, clock)
        self._card: ModelCard | None = None
        self._engine: Engine | None = None
        self._workers: ThreadPoolExecutor | None = None
        self._jobs: set[_Job] = set()

    @property
    def card(self) -> ModelCard:
        """What the file and the claims say; known once started."""
        if self._card is None:
            raise EngineError(f"The model {self._name} was never started; start it first.")
        return self._card

    async def start(self) -> None:
        """Check the file and load it.

        Raises:
            ModelFileError: the file is missing, corrupt, or not the one that was claimed.
        """
        header = await anyio.to_thread.run_sync(self._check_file)
        self._card = card_of(header, self._name, self._claims, self._parallel)
        settings = settings_of(header, self._parallel)
        self._engine = await anyio.to_thread.run_sync(Engine, self._path, settings)
        self._workers = ThreadPoolExecutor(self._parallel, thread_name_prefix=self._name)
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way and unload the model."""
        self._lifetime.end()
        for job in self._jobs:
            job.is_cancelled = True
        engine, workers = self._engine, self._workers
        self._engine = self._workers = None
        if engine is None or workers is None:
            return
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(workers.shutdown)
            await anyio.to_thread.run_sync(engine.close)

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if isinstance(request, Embed):
            yield await self._embed(request, deadline)
            return
        if not isinstance(request, Chat | Complete):
            raise unsupported(self.card, request)
        refuse_continued_format(self.card, request)
        with self._job(request) as job:
            is_finished = False
            while not is_finished:
                with self._lifetime.wait(deadline):
                    events = await job.mailbox.take()
                chunk = job.read(events)
                is_finished = chunk.finish is not None
                if chunk != _NOTHING:
                    yield chunk

    async def _embed(self, request: Embed, deadline: float) -> Chunk:
        engine, workers = self._running()
        with self._lifetime.wait(deadline):
            work = workers.submit(engine.embed, embed_body(request))
            answer = await asyncio.wrap_future(work)
        return embed_chunk(self._name, answer)

    @contextmanager
    def _job(self, request: Chat | Complete) -> Generator["_Job", None, None]:
        engine, workers = self._running()
        job = _Job(self._name, request, self._claims.temperature)
        self._jobs.add(job)
        try:
            job.submit_to(workers, engine)
            yield job
        finally:
            job.is_cancelled = True
            self._jobs.discard(job)

    def _running(self) -> tuple[Engine, ThreadPoolExecutor]:
        if self._engine is None or self._workers is None:
            raise EngineError(f"The model {self._name} is not running; start it first.")
        return self._engine, self._workers

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


_NOTHING = Chunk()


class _Job:
    """One answer under way: a worker thread fills its mailbox, its reader empties it."""

    def __init__(self, name: str, request: Chat | Complete, temperature: float | None) -> None:
        self.mailbox: Mailbox[bytes | None] = Mailbox()
        self.is_cancelled = False
        self._name = name
        self._request = request
        self._temperature = temperature
        self._phase: Phase = "undecided"
        self._reader: AnswerReader | None = None
        self._work: Future[None] | None = None

    def submit_to(self, workers: ThreadPoolExecutor, engine: Engine) -> None:
        """Let a worker thread do it; the mailbox gets `None` when it has ended."""
        self._work = workers.submit(self._do, engine)
        self._work.add_done_callback(lambda _: self.mailbox.put_last(None))

    def read(self, events: list[bytes | None]) -> Chunk:
        """Return what a batch adds to the answer.

        Raises:
            EngineError: the work ended before the answer did.
            ModelnetError: whatever else ended the work.
        """
        if self._reader is None:
            alternatives = self._request.sampling.top_logprobs or 0
            self._reader = AnswerReader(self._name, ReasoningFilter(self._phase), alternatives)
        chunk = self._reader.read([event for event in events if event is not None])
        if chunk.finish is None and None in events:
            self._raise_failure()
        return chunk

    def _do(self, engine: Engine) -> None:
        if self.is_cancelled:
            return
        prompt, self._phase = self._prompt(engine)
        engine.complete(completion_body(prompt, self._request, self._temperature), self._on_event)

    def _on_event(self, event: bytes) -> bool:
        self.mailbox.put(event)
        return self.is_cancelled

    def _prompt(self, engine: Engine) -> tuple[str, Phase]:
        """Return the text the model is to go on after, and where in its answer that is."""
        request, begun = self._request, self._request.partial
        if isinstance(request, Complete):
            return request.prompt + begun.text, "speaking"
        prompt = engine.render(messages_of(request))
        phase = phase_after(prompt, begun.text, begun.reasoning)
        return prompt + continued(prompt, begun.text, begun.reasoning), phase

    def _raise_failure(self) -> None:
        if self._work is not None:
            self._work.result()
        raise EngineError(f"The engine of {self._name} ended its answer early; ask again.")


def card_of(header: GgufHeader, name: str, claims: Claims, parallel: int) -> ModelCard:
    """Return the card of a GGUF file."""
    return ModelCard(
        name=name,
        description=claims.description or header.text("general.description"),
        operations=("embed",) if header.is_embedder else ("chat", "complete"),
        skills=claims.skills,
        engine="llama.cpp",
        parameters=header.parameters,
        context_length=_context_length(header),
        parallel=parallel,
        has_logprobs=not header.is_embedder,
        has_schema=not header.is_embedder,
        licence=header.text("general.license") or None,
    )


def settings_of(header: GgufHeader, parallel: int) -> EngineSettings:
    """Return how to run a GGUF file on this machine."""
    is_tiny = header.parameters < TINY_PARAMETERS
    return EngineSettings(
        context_length=_context_length(header),
        parallel=parallel,
        threads=1 if is_tiny else os.cpu_count() or 1,
        is_embedder=header.is_embedder,
    )


def _context_length(header: GgufHeader) -> int:
    return min(header.context_length or DEFAULT_CONTEXT_LENGTH, DEFAULT_CONTEXT_LENGTH)
