"""An ONNX file, or an encoder's folder, as a Model."""

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, ModelFileError, ModelnetError, UnsupportedError
from modelnet.core.request import Embed, Encode, Infer, Operation, Request
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.batching import Abandonment, Batcher, Shape
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported, unsupported
from modelnet.resource.backend.onnx.encoder import MAX_TEXTS, Encoder, Read, Reading, reads_tokens
from modelnet.resource.backend.onnx.folder import EncoderFolder, read_folder
from modelnet.resource.backend.onnx.session import Session
from modelnet.resource.backend.onnx.tokens import Tokenizer, width_of
from modelnet.resource.backend.typed.array import Arrays
from modelnet.resource.backend.typed.inference import MAX_REQUESTS, MAX_ROWS, Inference
from modelnet.resource.backend.typed.probe import Probe, probe
from modelnet.resource.machine import usable_threads

WORKERS = 2
"""Batches that run at once: while one is read in or written out, the other has the cores."""

PROBE_S = 20.0
"""For all that is tried when a model starts; what takes longer is believed, and never batched."""

LAST_LAYER = -1
_ENDING = ".onnx"
_HIDDEN_STATES = "hidden_states"


class OnnxModel:
    """A graph run by ONNX Runtime in this process; with its tokenizer beside it, an encoder."""

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        threads: int | None = None,
        workers: int = WORKERS,
        max_batch: int = MAX_ROWS,
        clock: Clock = system_clock,
    ) -> None:
        """Describe a model; nothing is read before it is started.

        Args:
            path: a file, or a folder with `model.onnx` and perhaps `tokenizer.json`.
            name: the name of the file or folder, unless given.
            threads: cores for one run; all, unless given.
            workers: runs at once.
            max_batch: rows or texts of different askers that share a run; 1 keeps them apart.
            clock: where Unix time comes from.
        """
        self._path = path
        self._name = name or (path.stem if path.suffix == _ENDING else path.name)
        self._threads = threads or usable_threads()
        self._workers = workers
        self._max_batch = max_batch
        self._lifetime = Lifetime(self._name, clock)
        self._card: ModelCard | None = None
        self._inference: Inference | None = None
        self._readings: Batcher[Reading, Read] | None = None

    @property
    def card(self) -> ModelCard:
        """What the graph says and was found to do; known once started."""
        if self._card is None:
            raise EngineError(f"The model {self._name} was never started; start it first.")
        return self._card

    async def start(self) -> None:
        """Load the graph and try it out.

        Raises:
            SettingsError: ONNX Runtime is not installed.
            ModelFileError: a file is missing, corrupt, or does not fit the others.
        """
        loaded = await anyio.to_thread.run_sync(_load, self._path, self._threads)
        self._card = card_of(loaded, self._name, self._workers)
        self._inference = Inference(
            self._card,
            loaded.session.run,
            workers=self._workers,
            is_row_by_row=loaded.probe.is_row_by_row,
            max_rows=self._max_batch,
        )
        if loaded.encoder is not None:
            self._readings = Batcher(
                loaded.encoder.read,
                lambda reading: Shape("texts", len(reading.texts)),
                workers=self._workers,
                max_size=min(self._max_batch, MAX_TEXTS),
                name=self._name,
            )
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way and let go of the graph."""
        self._lifetime.end()
        for one in (self._inference, self._readings):
            if one is not None:
                one.close()
        self._inference = self._readings = None

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        with self._lifetime.wait(deadline):
            chunk = await self._answer(request)
        yield chunk

    async def _answer(self, request: Request) -> Chunk:
        inference, readings = self._inference, self._readings
        match request:
            case Infer() if inference is not None:
                return await inference.infer(request)
            case Embed() if readings is not None:
                read = await readings.ask(Reading(request.inputs, wants_states=False))
                vectors = tuple(array.tobytes() for array in read.arrays)
                return Chunk(vectors=vectors, finish="stop", usage=Usage(read.n_tokens))
            case Encode() if readings is not None:
                self._refuse_layer(request.layer)
                read = await readings.ask(Reading(request.inputs, wants_states=True))
                return _encoded(read)
            case _:
                raise unsupported(self.card, request)

    def _refuse_layer(self, layer: int) -> None:
        if layer != LAST_LAYER:
            raise UnsupportedError(
                f"The model {self._name} tells of its last layer only; ask for layer -1."
            )


class _Loaded(NamedTuple):
    session: Session
    probe: Probe
    encoder: Encoder | None
    licence: str | None


def card_of(loaded: _Loaded, name: str, workers: int) -> ModelCard:
    """Return the card of what was loaded."""
    session, encoder = loaded.session, loaded.encoder
    operations: list[Operation] = ["infer"]
    if encoder is not None:
        operations.extend(("embed",) if encoder.embedding_size else ())
        operations.extend(("encode",) if encoder.hidden_size else ())
    is_batched = loaded.probe.is_row_by_row or encoder is not None
    return ModelCard(
        name=name,
        description=session.description,
        operations=tuple(operations),
        engine="onnx",
        parallel=MAX_REQUESTS if is_batched else workers,
        context_length=None if encoder is None else encoder.max_tokens,
        embedding_size=None if encoder is None else encoder.embedding_size,
        hidden_size=None if encoder is None else encoder.hidden_size,
        licence=loaded.licence or session.metadata.get("license"),
        inputs=session.inputs,
        outputs=loaded.probe.outputs,
    )


def _load(path: Path, threads: int) -> _Loaded:
    folder = read_folder(path) if path.is_dir() else None
    session = Session(folder.graph if folder else path, threads=threads)
    licence = None if folder is None else folder.licence
    with _patience() as abandonment:
        encoder = None if folder is None else _encoder(session, folder, abandonment)
        return _Loaded(session, _probed(session, abandonment), encoder, licence)


@contextmanager
def _patience() -> Generator[Abandonment]:
    """Bound how long a graph is tried: it may be anyone's, and go round for ever."""
    abandonment = Abandonment()
    timer = threading.Timer(PROBE_S, abandonment.set)
    timer.start()
    try:
        yield abandonment
    finally:
        timer.cancel()


def _encoder(session: Session, folder: EncoderFolder, abandonment: Abandonment) -> Encoder | None:
    """Return the encoder of a folder, where it has a tokenizer and its graph reads tokens."""
    if folder.tokenizer is None or not reads_tokens(session):
        return None
    max_tokens = min(folder.max_tokens, width_of(session.inputs) or folder.max_tokens)
    tokenizer = Tokenizer(folder.tokenizer, max_tokens=max_tokens, pad_id=folder.pad_id)
    try:
        return Encoder(session, tokenizer, folder.pooler, abandonment)
    except ModelnetError as error:
        raise ModelFileError(
            f"{folder.graph} does not read what {folder.tokenizer} makes ({error.message}); "
            "export both from one model."
        ) from error


def _probed(session: Session, abandonment: Abandonment) -> Probe:
    import numpy as np

    names = [spec.name for spec in session.outputs]

    def function(arrays: Arrays) -> Arrays:
        return session.run(arrays, names, abandonment)

    return probe(function, session.inputs, session.outputs, np.random.default_rng(0))


def _encoded(read: Read) -> Chunk:
    tensors = tuple(
        Tensor(_HIDDEN_STATES, "FP32", array.shape, array.tobytes()) for array in read.arrays
    )
    return Chunk(tensors=tensors, finish="stop", usage=Usage(read.n_tokens))
