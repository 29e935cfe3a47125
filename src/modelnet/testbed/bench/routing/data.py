"""Reads recorded outcomes: what real models answered, query by query.

A folder holds one folder a set; a set holds parts, `train`, `dev` and perhaps others:
`PART_queries.jsonl.gz`, `PART.npz`, and where they are known `PART_answers.jsonl.gz` and
`PART_minilm.npy`.
"""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from modelnet.core.error import InvalidRequestError
from modelnet.service.prediction.confidence import Answers
from modelnet.service.prediction.number import Floats, Ints
from modelnet.service.prediction.surface import surface
from modelnet.testbed.bench.routing.answer import Reading, reading_of

SETS = ("bfcl", "mmlu_pro", "zeroeval", "routerbench_sub", "routellm2")
_UNREADABLE = (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile)
_TOOLS_MARK = "\n\n[functions] "


_Row = TypeVar("_Row")


class _Query(msgspec.Struct):
    id: str
    domain: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Outcomes of `m` models on `n` queries."""

    models: tuple[str, ...]
    domains: tuple[str, ...]
    """The name of each query's domain, `n`."""
    surface: Floats
    """`(n, s)`."""
    embedding: Floats | None
    """`(n, e)`, rows of unit length."""
    right: Floats
    cost: Floats
    """Dollars a query, `(n, m)`."""
    latency_s: Floats | None
    answers: Answers | None
    prompts: tuple[str, ...]

    def rows(self, which: np.ndarray) -> "Part":
        """Return some of the queries, by index or mask."""
        picked: Ints = np.arange(len(self.right))[which]
        return replace(
            self,
            domains=tuple(self.domains[int(i)] for i in picked),
            prompts=tuple(self.prompts[int(i)] for i in picked),
            surface=self.surface[picked],
            embedding=None if self.embedding is None else self.embedding[picked],
            right=self.right[picked],
            cost=self.cost[picked],
            latency_s=None if self.latency_s is None else self.latency_s[picked],
            answers=None if self.answers is None else self.answers.rows(picked),
        )

    def joined(self, other: "Part") -> "Part":
        """Return the queries of both.

        Raises:
            InvalidRequestError: they are of different models.
        """
        if self.models != other.models:
            raise InvalidRequestError("Parts of one set must have the same models, in one order.")
        answers = None
        if self.answers is not None and other.answers is not None:
            answers = Answers(
                distinct=np.concatenate([self.answers.distinct, other.answers.distinct]),
                form=np.concatenate([self.answers.form, other.answers.form]),
                tokens=_both(self.answers.tokens, other.answers.tokens),
            )
        return replace(
            self,
            domains=self.domains + other.domains,
            prompts=self.prompts + other.prompts,
            surface=np.concatenate([self.surface, other.surface]),
            embedding=_both(self.embedding, other.embedding),
            right=np.concatenate([self.right, other.right]),
            cost=np.concatenate([self.cost, other.cost]),
            latency_s=_both(self.latency_s, other.latency_s),
            answers=answers,
        )


def read_part(
    folder: Path, part: str, embed: Callable[[Sequence[str]], Floats] | None = None
) -> Part:
    """Read one part of a set; `embed` is asked where no embeddings are recorded.

    Raises:
        InvalidRequestError: a file is missing, or does not hold what it should; says which.
    """
    queries = list(_decoded(folder / f"{part}_queries.jsonl.gz", _Query))
    if not queries:
        raise InvalidRequestError(f"{folder / part} has no queries.")
    arrays = _arrays(folder / f"{part}.npz")
    models = tuple(map(str, arrays["models"]))
    shape = len(queries), len(models)
    right = _verdicts(arrays, shape, folder, part)
    embedding = _embedding(folder / f"{part}_minilm.npy", len(queries))
    if embedding is None and embed is not None:
        embedding = embed([query.prompt for query in queries])
    texts = [split_tools(query.prompt) for query in queries]
    return Part(
        models=models,
        domains=tuple(query.domain for query in queries),
        surface=np.stack([surface(text, tools) for text, tools in texts]),
        embedding=embedding,
        right=right,
        cost=_cost(arrays, shape, folder, part),
        latency_s=_optional(arrays, "latency", shape, folder, part),
        answers=_answers(
            folder / f"{part}_answers.jsonl.gz",
            queries,
            models,
            _optional(arrays, "out_tok", shape, folder, part),
        ),
        prompts=tuple(query.prompt for query in queries),
    )


def recorded(folder: Path, part: str) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return the models of a set, their verdicts and their costs, and nothing else.

    Raises:
        InvalidRequestError: a file is missing, or does not hold what it should; says which.
    """
    arrays = _arrays(folder / f"{part}.npz")
    models = tuple(map(str, arrays["models"]))
    shape = len(np.atleast_1d(arrays["score"])), len(models)
    right = _verdicts(arrays, shape, folder, part)
    return models, right, _cost(arrays, shape, folder, part)


def domains_of(folder: Path, part: str) -> tuple[str, ...]:
    """Return the domains of a part, in order.

    Raises:
        InvalidRequestError: the file is missing, or does not hold what it should.
    """
    queries = _decoded(folder / f"{part}_queries.jsonl.gz", _Query)
    return tuple(sorted({query.domain for query in queries}))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, an object each.

    Raises:
        InvalidRequestError: it is missing, or does not hold what it should.
    """
    return list(_decoded(path, dict[str, Any]))


def unit_rows(path: Path, count: int) -> Floats | None:
    """Return recorded embeddings, rows of unit length; nothing where there is no such file.

    Raises:
        InvalidRequestError: it does not hold so many.
    """
    return _embedding(path, count)


def split_tools(prompt: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of a prompt and the tools that are written behind it."""
    text, mark, tools = prompt.rpartition(_TOOLS_MARK)
    if not mark:
        return prompt, []
    try:
        return text, msgspec.json.decode(tools, type=list[dict[str, Any]])
    except (msgspec.DecodeError, RecursionError):
        return prompt, []


def _decoded(path: Path, type_: type[_Row]) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(type_)
    for line in _lines(path):
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequestError(
                f"{path}: a line does not hold what it should: {error}"
            ) from None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # `load` leaves a file open that it cannot read, if it opened it.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from None
    if missing := {"models", "score"} - arrays.keys():
        raise InvalidRequestError(f"{path} lacks {', '.join(sorted(missing))}.")
    return arrays


def _numbers(
    arrays: dict[str, np.ndarray], name: str, shape: tuple[int, int], folder: Path, part: str
) -> Floats:
    try:
        numbers = arrays[name].astype(np.float64)
    except ValueError:
        raise InvalidRequestError(f"{folder / part}: '{name}' does not hold numbers.") from None
    if numbers.shape != shape:
        raise InvalidRequestError(
            f"{folder / part}: '{name}' has shape {numbers.shape}, and there are "
            f"{shape[0]} queries and {shape[1]} models."
        )
    if not (np.isfinite(numbers) & (numbers >= 0.0)).all():
        raise InvalidRequestError(
            f"{folder / part}: '{name}' has numbers that are negative or not finite."
        )
    return numbers


def _verdicts(
    arrays: dict[str, np.ndarray], shape: tuple[int, int], folder: Path, part: str
) -> Floats:
    right = _numbers(arrays, "score", shape, folder, part)
    if (right > 1.0).any():
        raise InvalidRequestError(f"{folder / part}: scores must lie between 0 and 1.")
    return right


def _optional(
    arrays: dict[str, np.ndarray], name: str, shape: tuple[int, int], folder: Path, part: str
) -> Floats | None:
    return _numbers(arrays, name, shape, folder, part) if name in arrays else None


def _cost(arrays: dict[str, np.ndarray], shape: tuple[int, int], folder: Path, part: str) -> Floats:
    """Return the cost in dollars; where none is known the last model costs one, the others nothing.

    That is the share of strong calls, as RouteLLM counts.
    """
    if "cost" in arrays:
        return _numbers(arrays, "cost", shape, folder, part)
    cost = np.zeros(shape)
    cost[:, -1] = 1.0
    return cost


def _embedding(path: Path, count: int) -> Floats | None:
    if not path.exists():
        return None
    try:
        rows = np.load(path, allow_pickle=False).astype(np.float64)
    except (*_UNREADABLE, AttributeError) as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from None
    if rows.ndim != 2 or len(rows) != count or not np.isfinite(rows).all():
        raise InvalidRequestError(f"{path} must hold one finite row for each of {count} queries.")
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _answers(
    path: Path, queries: list[_Query], models: tuple[str, ...], tokens: Floats | None
) -> Answers | None:
    if not path.exists():
        return None
    rows = list(_decoded(path, dict[str, Any]))
    if len(rows) != len(queries):
        raise InvalidRequestError(f"{path} has {len(rows)} lines for {len(queries)} queries.")
    distinct = np.zeros((len(rows), len(models)), dtype=np.int64)
    form = np.zeros_like(distinct)
    for i, (row, query) in enumerate(zip(rows, queries, strict=True)):
        _, tools = split_tools(query.prompt)
        numbers: dict[Any, int] = {}
        for j, model in enumerate(models):
            reading: Reading = reading_of(row.get(model), tools)
            form[i, j] = reading.form
            # Where there is nothing to compare an answer is like no other.
            key = ("alone", j) if reading.key is None else reading.key
            distinct[i, j] = numbers.setdefault(key, len(numbers))
    return Answers(distinct=distinct, form=form, tokens=tokens)


def _both(one: Floats | None, other: Floats | None) -> Floats | None:
    return None if one is None or other is None else np.concatenate([one, other])
