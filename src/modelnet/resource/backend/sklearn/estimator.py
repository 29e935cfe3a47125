"""A fitted estimator as a function of named arrays; what it can do is tried, not believed."""

from collections.abc import Sequence
from typing import Any

from modelnet.core.error import EngineError, InvalidRequestError, ModelFileError, ModelnetError
from modelnet.core.tensor import ANY, TensorSpec
from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.sklearn.column import table_of
from modelnet.resource.backend.typed.array import Array, Arrays, datatype_of, tensor_of
from modelnet.resource.backend.typed.probe import probe, sample

METHODS = ("predict", "predict_proba", "decision_function", "transform")
"""What an estimator may be asked for; each is an output of its name."""

ROWS_AT_ONCE = 4096
"""Rows handed to an estimator at once: between two such parts it can be stopped."""

_PROBED_ROWS = (20, 30)
"""Many, as labels are few: a tree gives the same one for most numbers."""

_MAX_CLASSES = 20


class Estimator:
    """A fitted estimator. `run` blocks and may be called from many threads."""

    def __init__(self, estimator: Any) -> None:
        """Find out what an estimator takes and gives.

        Raises:
            ModelFileError: it is not fitted, or does nothing that is known here.
        """
        import numpy as np

        self._estimator = estimator
        self._table = table_of(estimator)
        self.inputs = self._table.inputs
        rng = np.random.default_rng(0)
        example = sample(self.inputs, rng, self._table.examples)
        announced = self._announced(example)
        names = [spec.name for spec in announced]
        found = probe(
            lambda arrays: self.run(arrays, names, Abandonment()),
            self.inputs,
            announced,
            rng,
            self._table.examples,
            _PROBED_ROWS,
        )
        self.outputs, self.is_row_by_row = found

    @property
    def description(self) -> str:
        """What it is, and the labels it tells apart, as far as they fit."""
        name = type(self._estimator).__name__
        known: Any = getattr(self._estimator, "classes_", ())
        labels = [str(one) for one in known]
        if not labels or isinstance(known, list):  # A list: the labels of several outputs.
            return f"{name} of scikit-learn."
        more = f" and {len(labels) - _MAX_CLASSES} more" if len(labels) > _MAX_CLASSES else ""
        return f"{name} of scikit-learn; classes: {', '.join(labels[:_MAX_CLASSES])}{more}."

    def run(self, arrays: Arrays, outputs: Sequence[str], abandonment: Abandonment) -> Arrays:
        """Return the named outputs, computed a part of the rows after the other.

        Raises:
            InvalidRequestError: the estimator refuses the values.
            EngineError: the estimator failed, or nobody waits for it any more.
        """
        import numpy as np

        table = self._table.joined(arrays)
        made: dict[str, list[Array]] = {name: [] for name in outputs}
        for begin in range(0, max(1, len(table)), ROWS_AT_ONCE):
            if abandonment:
                raise EngineError("Nobody waits for the estimator any more.")
            for name in outputs:
                made[name].append(self._ask(name, table[begin : begin + ROWS_AT_ONCE]))
        return {name: np.concatenate(parts) for name, parts in made.items()}

    def _ask(self, method: str, rows: Any) -> Array:
        import numpy as np

        try:
            answer = getattr(self._estimator, method)(rows)
            # Vectorisers answer with sparse matrices.
            return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
        except ValueError as error:  # Its word for values it cannot work with.
            raise InvalidRequestError(f"The estimator refuses the values: {error}.") from error
        except Exception as error:  # The estimator may be the user's: whatever it raises ends here.
            raise EngineError(
                f"The estimator raised {type(error).__name__}: {error}; ask another model."
            ) from error

    def _announced(self, example: Arrays) -> list[TensorSpec]:
        """Return the outputs whose methods answer an example with one row for each of its."""
        rows = len(next(iter(example.values())))
        found: list[TensorSpec] = []
        failure = "it has none of " + ", ".join(METHODS)
        for method in METHODS:
            if not hasattr(self._estimator, method):
                continue
            try:
                made = self.run(example, [method], Abandonment())[method]
                found.append(_spec_of(method, made, rows))
            except ModelnetError as error:
                failure = error.message
        if not found:
            name = type(self._estimator).__name__
            raise ModelFileError(f"The estimator {name} cannot be served: {failure.rstrip('.')}.")
        return found


def _spec_of(method: str, array: Array, rows: int) -> TensorSpec:
    """Return the tensor that an answer becomes.

    Raises:
        ModelnetError: it becomes none.
    """
    if array.shape[:1] != (rows,):  # Of several outputs at once it makes a list, one a label.
        raise EngineError(f"{method} did not answer row by row")
    spec = TensorSpec(method, datatype_of(array.dtype), (ANY, *array.shape[1:]))
    tensor_of(spec, array)
    return spec
