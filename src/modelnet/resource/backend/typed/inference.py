"""Inferring with a blocking function of named arrays, in threads, many requests as one batch."""

from collections.abc import Callable, Sequence

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Infer
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.batching import Abandonment, Batcher, Shape
from modelnet.resource.backend.typed.array import Arrays, array_of, tensor_of
from modelnet.resource.backend.typed.refusal import refuse_tensors, wanted_outputs

MAX_ROWS = 256
"""Rows of a batch: beyond it an engine gains nothing, and the first asker waits for the last."""

MAX_REQUESTS = 64
"""Requests that a node admits at once to a model which answers them in batches."""

Tensors = tuple[Tensor, ...]
ArrayFunction = Callable[[Arrays, Sequence[str], Abandonment], Arrays]
"""Makes the named outputs of arrays, in a thread, and may give up once abandoned."""

ALONE = Shape(None, 1)


class Inference:
    """Answers `infer` for a card; made when its model starts, closed when that stops."""

    def __init__(
        self,
        card: ModelCard,
        function: ArrayFunction,
        *,
        workers: int,
        is_row_by_row: bool,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self._card = card
        self._function = function
        self._is_row_by_row = is_row_by_row
        self._batcher = Batcher[Infer, Tensors](
            self._run, self._shape_of, workers=workers, max_size=max_rows, name=card.name
        )

    async def infer(self, request: Infer) -> Chunk:
        """Answer one request.

        Raises:
            InvalidRequestError: its tensors are not those of the card.
            EngineError: the function failed, or made something else than the card says.
        """
        refuse_tensors(self._card, request)
        tensors = await self._batcher.ask(request)
        return Chunk(tensors=tensors, finish="stop", usage=Usage())

    @property
    def running(self) -> int:
        """How many threads are at work."""
        return self._batcher.running

    def close(self) -> None:
        """Begin nothing any more."""
        self._batcher.close()

    def _shape_of(self, request: Infer) -> Shape:
        if not self._is_row_by_row:
            return ALONE
        rows = {tensor.shape[0] for tensor in request.inputs}
        if len(rows) != 1:
            return ALONE  # Whether they belong together is for the engine to say.
        kind = {(tensor.name, tensor.shape[1:]) for tensor in request.inputs}
        return Shape((request.outputs, frozenset(kind)), rows.pop())

    def _run(self, requests: Sequence[Infer], abandonment: Abandonment) -> list[Tensors]:
        wanted = wanted_outputs(self._card, requests[0])
        parts = [{t.name: array_of(t) for t in request.inputs} for request in requests]
        names = [spec.name for spec in wanted]
        made = self._function(_joined(parts), names, abandonment)
        rows = [request.inputs[0].shape[0] for request in requests] if len(requests) > 1 else []
        answers = _parted(made, rows) if rows else [made]
        return [tuple(tensor_of(spec, one[spec.name]) for spec in wanted) for one in answers]


def _joined(parts: Sequence[Arrays]) -> Arrays:
    if len(parts) == 1:
        return parts[0]
    import numpy as np

    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _parted(made: Arrays, rows: Sequence[int]) -> list[Arrays]:
    """Cut what was made for all into what belongs to each."""
    if any(len(array) != sum(rows) for array in made.values()):
        raise EngineError("The engine answered another number of rows; ask another model.")
    parts: list[Arrays] = []
    end = 0
    for count in rows:
        begin, end = end, end + count
        parts.append({name: array[begin:end] for name, array in made.items()})
    return parts
