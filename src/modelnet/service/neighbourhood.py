"""What models did on the questions most like this one, learnt from verdicts as they come. Pure.

A kind of task is a coarse thing: most questions are of no kind that exams ask about. Where an
encoder is installed, every verdict is kept with the embedding of its question. The verdicts on
questions near a new one, weighed by nearness and age, are evidence on a model that is worth more
than its rate over a whole kind; where nothing is near, nothing changes.

Only verdicts on answers to this node's own askers come in, none of what peers tell. numpy is used
from the first embedding that is looked up, never before.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.standing import Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.change import Change
from modelnet.service.outcome import Outcome
from modelnet.service.standing import HALF_LIFE_S

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

SIZE: Final = 384
"""Numbers in an embedding."""
CAPACITY: Final = 2048
"""Verdicts kept, the oldest out first: as many as can be compared with in a tenth of a
millisecond, and as many as a node recalls when it starts."""
OF_ONE_MODEL: Final = 512
"""Of these, at most so many on one model: who is asked most must not push out the others."""

LEAST_COSINE: Final = 0.15
"""Questions less alike have nothing to do with each other."""
_HALF_COSINE: Final = 0.3
"""Where a verdict counts half."""
_TEMPERATURE: Final = 0.05
"""Of the cosine, as in `prediction.neighbour`: near the half, so much more counts e times."""
_PACKED: Final = "<f2"

Key: TypeAlias = tuple[NodeId, str]
"""A model of a node."""


class Verdict(NamedTuple):
    """A verdict on one model's answer, and where its question lies."""

    key: Key
    embedding: bytes
    """Of the question, as `packed`."""
    p_right: float
    weight: float
    """The model's share of the answer, 0 to 1; less where it was seen to change since."""
    at: float
    """Unix seconds."""
    task: RequestId | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "Verdict | None":
        """Return the verdict in an outcome; `None` where there is none, or no place for it."""
        if outcome.embedding is None or outcome.p_right is None:
            return None
        return cls(
            key=(outcome.node, outcome.model),
            embedding=outcome.embedding,
            p_right=outcome.p_right,
            weight=outcome.weight,
            at=outcome.at,
            task=outcome.task,
        )

    @property
    def is_sane(self) -> bool:
        """Whether it is of an embedding, and its numbers can be true."""
        return len(self.embedding) == 2 * SIZE and self.has_sane_numbers

    @property
    def has_sane_numbers(self) -> bool:
        """Whether they can be true: a file of earlier lives is anybody's to edit."""
        return 0.0 <= self.p_right <= 1.0 and 0.0 < self.weight <= 1.0 and math.isfinite(self.at)


class Neighbourhood:
    """The last verdicts on all models, in one matrix."""

    def __init__(self, capacity: int = CAPACITY, of_one_model: int = OF_ONE_MODEL) -> None:
        """Know nothing yet."""
        self._capacity = capacity
        self._of_one_model = of_one_model
        self._unread: deque[Verdict] = deque(maxlen=capacity)
        """Not yet in the matrix: without numpy they wait here, and nothing is lost."""
        self._rows: OrderedDict[int, Verdict] = OrderedDict()
        """By their row of the matrix, in the order they came."""
        self._rows_of: dict[Key, deque[int]] = {}
        self._numbers: dict[Key, int] = {}
        self._free = list(range(capacity))[::-1]
        self._free_numbers = list(range(capacity))[::-1]
        self._table: _Table | None = None

    def __len__(self) -> int:
        """Return how many verdicts are kept."""
        return len(self._rows) + len(self._unread)

    @property
    def is_claim(self) -> bool:
        """Verdicts are none."""
        return False

    @property
    def saw(self) -> str:
        """What it counts, for a person."""
        return "verdicts near this question"

    def learn(self, outcome: Outcome) -> None:
        """Take in a verdict on an answer to a question whose embedding is known."""
        verdict = Verdict.of(outcome)
        if verdict is not None:
            self.add(verdict)

    def add(self, verdict: Verdict) -> None:
        """Take in a verdict; one whose numbers cannot be true changes nothing."""
        if verdict.is_sane:
            self._unread.append(verdict)

    def evidence(self, features: TaskFeatures, offers: Sequence[Offer], now: float) -> list[Tally]:
        """Return what was right near a question, of the models that are offered."""
        if features.embedding is None:
            return [Tally()] * len(offers)
        return self.near(features.embedding, [offer.key for offer in offers], now)

    def near(self, embedding: "Array", keys: Sequence[Key], now: float) -> list[Tally]:
        """Return the verdicts near a question on each of some models, as counts.

        Args:
            embedding: of the question, float `(SIZE,)`; one that is not finite is near nothing.
            keys: the models.
            now: Unix seconds.
        """
        table = self._settled()
        if not self._rows:
            return [Tally()] * len(keys)
        nobody = self._capacity
        numbers = [self._numbers.get(key, nobody) for key in keys]
        return [Tally(right, asked) for right, asked in table.sums(embedding, numbers, now)]

    def doubt(self, change: Change) -> None:
        """Let what is older than a model's change count less."""
        self.discount((change.node, change.model), change.answers, change.kept)

    def discount(self, key: Key, answers: float, kept: float) -> None:
        """Let what is older than a model's newest answers, so many, count only so much of it."""
        left = math.ceil(answers)
        for place in range(len(self._unread) - 1, -1, -1):
            verdict = self._unread[place]
            if verdict.key == key:
                left -= 1
                if left < 0:
                    self._unread[place] = verdict._replace(weight=verdict.weight * kept)
        for row in reversed(self._rows_of.get(key, ())):
            left -= 1
            if left < 0 and self._table is not None:
                weight = self._rows[row].weight * kept
                self._rows[row] = self._rows[row]._replace(weight=weight)
                self._table.weight[row] = weight

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget verdicts, all or those that fit."""

        def fits(verdict: Verdict) -> bool:
            return (before is None or verdict.at < before) and task in (None, verdict.task)

        unread = [verdict for verdict in self._unread if not fits(verdict)]
        self._unread = deque(unread, maxlen=self._capacity)
        for row in [row for row, verdict in self._rows.items() if fits(verdict)]:
            self._drop(row)

    def _settled(self) -> "_Table":
        """Bring into the matrix what came since the last question."""
        if self._table is None:
            self._table = _Table(self._capacity)
        if not self._unread:
            return self._table
        unread = [*self._unread]
        self._unread.clear()
        vectors, are_sane = unpacked([verdict.embedding for verdict in unread])
        sane = [one for one, is_sane in zip(unread, are_sane, strict=True) if is_sane]
        # The number at once: a later verdict may push out all of a model's, and take it.
        places = [(self._place(one), self._numbers[one.key]) for one in sane]
        rows, numbers = [row for row, _ in places], [number for _, number in places]
        self._table.put(rows, vectors[are_sane], sane, numbers)
        return self._table

    def _place(self, verdict: Verdict) -> int:
        """Return a row for a verdict, if need be that of an older one."""
        own = self._rows_of.get(verdict.key)
        if own is not None and len(own) >= self._of_one_model:
            self._drop(own[0])
        elif not self._free:
            self._drop(next(iter(self._rows)))
        row = self._free.pop()
        self._rows[row] = verdict
        if verdict.key not in self._rows_of:
            self._rows_of[verdict.key] = deque()
            self._numbers[verdict.key] = self._free_numbers.pop()
        self._rows_of[verdict.key].append(row)
        return row

    def _drop(self, row: int) -> None:
        key = self._rows.pop(row).key
        self._rows_of[key].remove(row)
        if not self._rows_of[key]:
            del self._rows_of[key]
            self._free_numbers.append(self._numbers.pop(key))
        self._free.append(row)
        if self._table is not None:
            self._table.clear(row)


class _Table:
    """The numbers of verdicts, a row each."""

    def __init__(self, capacity: int) -> None:
        import numpy as np

        # What follows is compared with every question: half precision would take ten times as long.
        self._directions = np.zeros((capacity, SIZE), np.float32)
        self._p_right = np.zeros(capacity)
        self.weight = np.zeros(capacity)
        self._at = np.zeros(capacity)
        self._number = np.zeros(capacity, np.intp)
        self._used = 0

    def put(
        self,
        rows: Sequence[int],
        directions: "Array",
        verdicts: Sequence[Verdict],
        numbers: Sequence[int],
    ) -> None:
        """Write rows, the later over the earlier; `numbers` are the models'."""
        self._directions[rows] = directions
        self._p_right[rows] = [one.p_right for one in verdicts]
        self.weight[rows] = [one.weight for one in verdicts]
        self._at[rows] = [one.at for one in verdicts]
        self._number[rows] = numbers
        self._used = max((self._used, *(row + 1 for row in rows)))

    def clear(self, row: int) -> None:
        """Leave nothing of a row."""
        self._directions[row] = 0.0
        self.weight[row] = 0.0

    def sums(
        self, embedding: "Array", numbers: Sequence[int], now: float
    ) -> Iterable[tuple[float, float]]:
        """Return the right answers, and all, of every model asked about."""
        import numpy as np

        nothing = [(0.0, 0.0)] * len(numbers)
        direction, is_sane = direction_of(embedding)
        if not is_sane:
            return nothing
        # Not `@`: BLAS would share this out among threads, and wait for them longer than it works.
        cosine = np.vecdot(self._directions[: self._used], direction)
        near = np.flatnonzero(cosine > LEAST_COSINE)
        if not near.size:
            return nothing
        age_s = np.maximum(now - self._at[near], 0.0)
        counts = self.weight[near] * np.exp2(-age_s / HALF_LIFE_S)
        counts /= 1.0 + np.exp((_HALF_COSINE - cosine[near]) / _TEMPERATURE)
        # One place more, for whoever has no verdict.
        owners, length = self._number[near], len(self.weight) + 1
        right = np.bincount(owners, counts * self._p_right[near], length)
        asked = np.bincount(owners, counts, length)
        return zip(right[numbers].tolist(), asked[numbers].tolist(), strict=True)


def packed(embedding: "Array") -> bytes:
    """Return an embedding as it is kept: little-endian float16."""
    return embedding.astype(_PACKED).tobytes()


def unpacked(embeddings: Sequence[bytes]) -> tuple["Array", "Array"]:
    """Return directions `(embeddings, SIZE)`, and which of them are any."""
    import numpy as np

    whole = np.frombuffer(b"".join(embeddings), _PACKED).reshape(len(embeddings), SIZE)
    vectors = whole.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    are_sane = np.isfinite(lengths) & (lengths > 0.0)
    lengths[~are_sane] = 1.0
    return vectors / lengths[:, None], are_sane


def direction_of(embedding: "Array") -> tuple["Array", bool]:
    """Return an embedding as a direction, and whether it is any."""
    import numpy as np

    if embedding.shape != (SIZE,):
        return embedding, False
    vector = embedding.astype(np.float32)
    length = float(np.linalg.norm(vector))
    is_sane = math.isfinite(length) and length > 0.0
    return (vector / length if is_sane else vector), is_sane
