"""Trying a function of arrays: what shapes it gives, and whether requests may share a batch.

A first dimension of any size need not count examples: it may be time, or a set of points. So the
function is asked for two samples apart and for both as one. Where the rows of the answers are the
same, and tell the samples' rows apart, requests may be joined.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelnet.core.error import ModelnetError
from modelnet.core.tensor import ANY, TensorSpec
from modelnet.resource.backend.typed.array import Array, Arrays, dtype_of

if TYPE_CHECKING:
    import numpy as np

Function = Callable[[Arrays], Arrays]
Examples = Mapping[str, Sequence[float] | Sequence[bytes]]
"""What an input may hold, by its name, where not anything will do."""

SIZES = (8, 32)
"""What dimensions of any size are tried as: a pyramid of convolutions needs the larger one."""

ROWS = (3, 4)
"""Of the two samples. A function whose answers are few and alike needs more to be told apart."""

_TOLERANCE = 1e-3
_WORDS = (b"one", b"two", b"three", b"four")


class Probe(NamedTuple):
    """What was found of a function."""

    outputs: tuple[TensorSpec, ...]
    """As announced, but of any size where it was seen to be otherwise."""
    is_row_by_row: bool
    """Whether the rows of the answer depend each on its own row of the inputs alone."""


def probe(
    function: Function,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    rng: "np.random.Generator",
    examples: Examples | None = None,
    rows: tuple[int, int] = ROWS,
) -> Probe:
    """Try a function with random arrays; one that takes none is believed, and never joined."""
    for size in SIZES:
        samples = [sample(inputs, rng, examples, rows=count, size=size) for count in rows]
        try:
            apart = [function(one) for one in samples]
        except ModelnetError:
            continue
        seen = tuple(_seen(spec, [made[spec.name] for made in apart]) for spec in outputs)
        return Probe(seen, _is_row_by_row(function, (*inputs, *seen), samples, apart))
    return Probe((*outputs,), is_row_by_row=False)


def sample(
    inputs: Sequence[TensorSpec],
    rng: "np.random.Generator",
    examples: Examples | None = None,
    *,
    rows: int = ROWS[0],
    size: int = SIZES[0],
) -> Arrays:
    """Return random arrays that a model takes, so many rows each, where rows are free."""
    known = examples or {}
    return {spec.name: _random(spec, _shape(spec, rows, size), rng, known) for spec in inputs}


def _shape(spec: TensorSpec, rows: int, size: int) -> tuple[int, ...]:
    sizes = (rows, *[size] * len(spec.shape))
    return tuple(size if due == ANY else due for due, size in zip(spec.shape, sizes, strict=False))


def _random(
    spec: TensorSpec, shape: tuple[int, ...], rng: "np.random.Generator", examples: Examples
) -> Array:
    import numpy as np

    known = examples.get(spec.name, _WORDS if spec.datatype == "BYTES" else ())
    if known:
        choices = np.array([*known], dtype_of(spec.datatype))
        return np.asarray(choices[rng.integers(0, len(choices), shape)])
    if spec.datatype in {"FP16", "FP32", "FP64"}:
        return np.asarray(rng.standard_normal(shape)).astype(dtype_of(spec.datatype))
    # Integers are ids of tokens or places more often than amounts: 0 and 1 are there always.
    return np.asarray(rng.integers(0, 2, shape)).astype(dtype_of(spec.datatype))


def _seen(spec: TensorSpec, arrays: Sequence[Array]) -> TensorSpec:
    """Return a spec that all of the arrays fit: exporters write what is not so."""
    rank = arrays[0].ndim
    told = spec.shape if len(spec.shape) == rank else (ANY,) * rank
    shape = (
        due if all(array.shape[place] == due for array in arrays) else ANY
        for place, due in enumerate(told)
    )
    return TensorSpec(spec.name, spec.datatype, tuple(shape))


def _is_row_by_row(
    function: Function,
    specs: Sequence[TensorSpec],
    samples: Sequence[Arrays],
    apart: Sequence[Arrays],
) -> bool:
    if not all(spec.shape[:1] == (ANY,) for spec in specs):
        return False
    try:
        joined, made = _joined(apart), function(_joined(samples))
    except (ModelnetError, ValueError):  # The function refuses; the arrays cannot be joined.
        return False
    return all(_is_close(joined[name], made[name]) for name in made) and any(
        _has_different_rows(array) for array in made.values()
    )


def _joined(parts: Sequence[Arrays]) -> Arrays:
    import numpy as np

    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _is_close(one: Array, other: Array) -> bool:
    import numpy as np

    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        return np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
    return bool(np.array_equal(one, other))


def _has_different_rows(array: Array) -> bool:
    import numpy as np

    numbers = np.nan_to_num(array) if array.dtype.kind == "f" else array
    rows: list[Any] = [row.tolist() for row in numbers]
    return any(row != rows[0] for row in rows)
