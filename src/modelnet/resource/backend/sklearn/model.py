"""A scikit-learn estimator or pipeline as a Model."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError
from modelnet.core.request import Infer, Request
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported, unsupported
from modelnet.resource.backend.sklearn.estimator import Estimator
from modelnet.resource.backend.sklearn.file import load_estimator
from modelnet.resource.backend.typed.inference import MAX_REQUESTS, MAX_ROWS, Inference

WORKERS = 2
"""Batches that run at once."""


class EstimatorModel:
    """An estimator asked in this process, with its methods as outputs."""

    def __init__(
        self,
        source: Any,
        *,
        name: str | None = None,
        max_batch: int = MAX_ROWS,
        clock: Clock = system_clock,
    ) -> None:
        """Describe a model; no file is read before it is started.

        Args:
            source: a fitted estimator, or the path of one.
            name: the name of the file or of the estimator's class, unless given.
            max_batch: rows of different askers that share a call; 1 keeps them apart.
            clock: where Unix time comes from.
        """
        is_file = isinstance(source, Path)
        self._load: Callable[[], Any] = lambda: load_estimator(source) if is_file else source
        self._name = name or (source.stem if is_file else type(source).__name__)
        self._max_batch = max_batch
        self._lifetime = Lifetime(self._name, clock)
        self._card: ModelCard | None = None
        self._inference: Inference | None = None

    @property
    def card(self) -> ModelCard:
        """What the estimator was found to do; known once started."""
        if self._card is None:
            raise EngineError(f"The model {self._name} was never started; start it first.")
        return self._card

    async def start(self) -> None:
        """Load the estimator and try it out.

        Raises:
            SettingsError: scikit-learn is not installed.
            ModelFileError: the file is missing, corrupt, not to be trusted, or holds no estimator
                that is fitted.
        """
        estimator = await anyio.to_thread.run_sync(lambda: Estimator(self._load()))
        self._card = card_of(estimator, self._name)
        self._inference = Inference(
            self._card,
            estimator.run,
            workers=WORKERS,
            is_row_by_row=estimator.is_row_by_row,
            max_rows=self._max_batch,
        )
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way; what an estimator computes ends with the rows it is at."""
        self._lifetime.end()
        if self._inference is not None:
            self._inference.close()
        self._inference = None

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer one request, as `Model.run` says."""
        self._lifetime.check()
        refuse_unsupported(self.card, request)
        if not isinstance(request, Infer) or self._inference is None:
            raise unsupported(self.card, request)
        with self._lifetime.wait(deadline):
            chunk = await self._inference.infer(request)
        yield chunk


def is_estimator(target: Any) -> bool:
    """Whether an object is an estimator, by what all of them have."""
    return not isinstance(target, type) and hasattr(target, "fit") and hasattr(target, "get_params")


def card_of(estimator: Estimator, name: str) -> ModelCard:
    """Return the card of an estimator."""
    return ModelCard(
        name=name,
        description=estimator.description,
        operations=("infer",),
        engine="sklearn",
        parallel=MAX_REQUESTS if estimator.is_row_by_row else WORKERS,
        inputs=estimator.inputs,
        outputs=estimator.outputs,
    )
