"""Reading a task: what `analyse` sees in it, and, where an encoder is here, what it is about."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import anyio

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError
from modelnet.core.identity import RequestId
from modelnet.core.task import Task
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures, analyse, text_to_embed
from modelnet.service.candidate import obstacle
from modelnet.service.hierarchy.place import words_of
from modelnet.service.selection import Choice, links, select

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

PATIENCE_S = 0.05
"""How long a question waits for its embedding: a long text takes 14 ms of an idle core."""
REST_S = 5.0
"""An encoder that was late or failed is not asked for so long: no busy machine waits every time."""

_READ = 64
"""Tasks that were read and will be again, at most."""


class SharedEncoder(Protocol):
    """An encoder as an event loop asks it: `modelnet.resource.encoder.SharedEncoder`."""

    async def encode(self, texts: Sequence[str], *, deadline: float) -> "Array":
        """Return an embedding a text, float32 `(texts, size)`; the deadline is in Unix seconds.

        Raises:
            ModelnetError: there is none, or none in time.
        """
        ...

    def close(self) -> None:
        """Encode no more."""
        ...


class Reader:
    """Reads tasks. Without an encoder, and whenever it fails or is late, it looks at the words."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._encoder: SharedEncoder | None = None
        self._rests_until = 0.0
        self._read: OrderedDict[RequestId, TaskFeatures] = OrderedDict()
        self._is_closed = False
        self._is_ready = anyio.Event()

    async def ready(self) -> None:
        """Return as soon as there is an encoder; the caller sets the deadline."""
        await self._is_ready.wait()

    def use(self, encoder: SharedEncoder) -> None:
        """Embed what is read from now on."""
        if self._is_closed:
            encoder.close()
            return
        if self._encoder is not None:
            self._encoder.close()
        self._encoder = encoder
        self._is_ready.set()

    def close(self) -> None:
        """Let go of the encoder."""
        self._is_closed = True
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.close()

    async def read(
        self,
        task: Task,
        offers: Sequence[Offer],
        *,
        is_again: bool = False,
        is_compared: bool = False,
    ) -> TaskFeatures:
        """Return what planning needs to know, embedded only where there is a choice to make.

        `is_again` says that the task will be read once more, so that it is embedded only now;
        `is_compared` that there is a use for the embedding besides the choice.
        """
        if (known := self._read.pop(task.id, None)) is not None:
            return known
        features = analyse(task.request)
        text = text_to_embed(task.request)
        if not text or not (is_compared or _is_choice(task, features, offers)):
            return features
        embedding = await self._embed(text, task.deadline)
        if embedding is None:
            return replace(features, words=words_of(text))
        read = replace(features, embedding=embedding)
        if is_again:
            self._read[task.id] = read
            if len(self._read) > _READ:
                self._read.popitem(last=False)
        return read

    async def _embed(self, text: str, deadline: float) -> "Array | None":
        encoder, now = self._encoder, self._clock()
        if encoder is None or now < self._rests_until:
            return None
        deadline = min(now + PATIENCE_S, deadline)
        with (
            suppress(ModelnetError),
            anyio.move_on_after(max(0.0, deadline - now)),
        ):
            return (await encoder.encode([text], deadline=deadline))[0]
        self._rests_until = self._clock() + REST_S
        return None


def _is_choice(task: Task, features: TaskFeatures, offers: Sequence[Offer]) -> bool:
    """Whether any link of the task's chain leaves a choice among models that are able."""
    return any(
        _has_two(choice, features)
        for link in links(task.models)
        for choice in _choices(link.names, offers)
    )


def _choices(names: Sequence[str], offers: Sequence[Offer]) -> tuple[Choice, ...]:
    try:
        return select(names, offers)
    except ModelnetError:
        return ()


def _has_two(choice: Choice, features: TaskFeatures) -> bool:
    able = (one for one in choice.candidates if obstacle(one.card, features) is None)
    return next(able, None) is not None and next(able, None) is not None
