"""What a fitted estimator takes: how many columns, and whether each holds numbers or text.

Estimators say how many features they were fitted on, and their names if those of a table were
known, but not their types. Those follow from the first step that reads a column: an encoder knows
its categories, a vectoriser reads documents, all others read numbers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from modelnet.core.error import InvalidRequestError, ModelFileError
from modelnet.core.tensor import ANY, TensorSpec
from modelnet.resource.backend.typed.array import Array, Arrays
from modelnet.resource.backend.typed.probe import Examples

TABLE = "X"
"""The input of an estimator that takes a table of numbers, or documents."""

_MAX_EXAMPLES = 16
_NUMBERS = (-100.0, -10.0, -1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 10.0, 20.0, 40.0, 100.0, 1000.0)
_TEXT_KINDS = frozenset("OSU")


class Column(NamedTuple):
    """A column of the table an estimator reads."""

    name: str
    is_text: bool
    examples: tuple[float, ...] | tuple[bytes, ...]
    """What it may hold; anything, where there are none."""


class Table(NamedTuple):
    """Everything an estimator reads.

    A tensor `X (rows, columns)` FP64 where all are nameless numbers, `X (rows,)` BYTES for
    documents, else a tensor `(rows,)` a column, as a table of other types needs.
    """

    columns: tuple[Column, ...]
    has_names: bool
    is_documents: bool = False

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return the tensors it is given as."""
        if self._is_one_array:
            return (TensorSpec(TABLE, "FP64", (ANY, len(self.columns))),)
        return tuple(
            TensorSpec(column.name, "BYTES" if column.is_text else "FP64", (ANY,))
            for column in self.columns
        )

    @property
    def examples(self) -> Examples:
        """Return what its tensors may hold; numbers that tell the branches of a tree apart."""
        if self._is_one_array:
            return {TABLE: _NUMBERS}
        return {
            column.name: column.examples or _NUMBERS
            for column in self.columns
            if column.examples or not column.is_text
        }

    @property
    def _is_one_array(self) -> bool:
        plain = not any(column.is_text or column.examples for column in self.columns)
        return plain and not self.has_names

    def joined(self, arrays: Arrays) -> Any:
        """Return what the estimator is handed.

        Raises:
            InvalidRequestError: the columns are not equally long, or text is not UTF-8.
        """
        if self._is_one_array:
            return arrays[TABLE].copy()
        parts = [_decoded(arrays[column.name], column) for column in self.columns]
        if len({len(part) for part in parts}) != 1:
            raise InvalidRequestError("The columns are not equally long; give a value a row.")
        if self.is_documents:
            return parts[0].tolist()
        return self._frame(parts) if self.has_names else _table(parts)

    def _frame(self, parts: Sequence[Array]) -> Any:
        try:
            import pandas as pd  # pyright: ignore[reportMissingImports]
        except ImportError:
            return _table(parts)
        library: Any = pd
        names = [column.name for column in self.columns]
        return library.DataFrame(dict(zip(names, parts, strict=True)))


def table_of(estimator: Any) -> Table:
    """Return what a fitted estimator reads.

    Raises:
        ModelFileError: it is not fitted, or does not say.
    """
    count: Any = getattr(estimator, "n_features_in_", None)
    if count is None:
        return _documents(estimator)
    told: Any = getattr(estimator, "feature_names_in_", None)
    names = [f"x{place}" for place in range(count)] if told is None else [*map(str, told)]
    kinds = _kinds(estimator, names)
    columns = (Column(name, *kind) for name, kind in zip(names, kinds, strict=True))
    return Table(tuple(columns), has_names=told is not None)


class _Kind(NamedTuple):
    """What a column holds: see `Column`."""

    is_text: bool = False
    examples: tuple[float, ...] | tuple[bytes, ...] = ()


def _documents(estimator: Any) -> Table:
    kinds = _kinds(estimator, [TABLE])
    if not kinds[0].is_text:
        raise ModelFileError(
            f"The estimator {type(estimator).__name__} does not say what it reads; fit it first."
        )
    return Table((Column(TABLE, *kinds[0]),), has_names=False, is_documents=True)


def _kinds(step: Any, names: Sequence[str]) -> list[_Kind]:
    """Return what the columns of these names hold, by the first step that reads each."""
    if steps := getattr(step, "steps", None):
        return _kinds(steps[0][1], names)
    if (best := getattr(step, "best_estimator_", None)) is not None:
        return _kinds(best, names)
    if hasattr(step, "build_analyzer"):
        return [_documents_kind(step)] * len(names)
    if (categories := getattr(step, "categories_", None)) is not None:
        return [_category_kind(known) for known in categories]
    if (parts := getattr(step, "transformers_", None)) is not None:
        return _kinds_of_parts(parts, names)
    return [_Kind()] * len(names)


def _documents_kind(vectoriser: Any) -> _Kind:
    words = list(getattr(vectoriser, "vocabulary_", ()))[:_MAX_EXAMPLES]
    return _Kind(is_text=True, examples=tuple(word.encode() for word in words))


def _category_kind(categories: Any) -> _Kind:
    known = [one for one in categories.tolist() if one is not None][:_MAX_EXAMPLES]
    if any(isinstance(one, str) for one in known):
        return _Kind(True, tuple(one.encode() for one in known if isinstance(one, str)))
    return _Kind(False, tuple(float(one) for one in known))


def _kinds_of_parts(parts: Any, names: Sequence[str]) -> list[_Kind]:
    kinds = [_Kind()] * len(names)
    for _, transformer, columns in parts:
        places = _places(columns, names)
        found = _kinds(transformer, [names[place] for place in places])
        for place, kind in zip(places, found, strict=True):
            kinds[place] = kind
    return kinds


def _places(columns: Any, names: Sequence[str]) -> list[int]:
    """Return where columns are: they are told by name, place, slice or a mask."""
    import numpy as np

    known = {name: place for place, name in enumerate(names)}
    wanted: list[Any] | slice = [columns] if isinstance(columns, str | int) else columns
    if not isinstance(wanted, slice) and all(isinstance(one, str) for one in wanted):
        return [known[one] for one in wanted]
    return np.arange(len(names))[wanted].tolist()


def _decoded(array: Array, column: Column) -> Array:
    if not column.is_text:
        return array
    import numpy as np

    try:
        texts = [item.decode() for item in array]
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"The text of {column.name!r} is not UTF-8; encode it so."
        ) from error
    made = np.empty(len(texts), object)
    made[:] = texts
    return made


def _table(parts: Sequence[Array]) -> Array:
    import numpy as np

    # numpy would make text of the numbers beside a text.
    made = np.empty((len(parts[0]), len(parts)), np.result_type(*parts))
    for place, part in enumerate(parts):
        made[:, place] = part
    return made
