"""A graph that reads tokens, with its tokenizer: texts to hidden states and to vectors."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from modelnet.core.error import EngineError, InvalidRequestError, ModelnetError
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.onnx.pooling import Pooler
from modelnet.resource.backend.onnx.session import Session
from modelnet.resource.backend.onnx.tokens import READS, Tokenizer, Tokens, mask_of
from modelnet.resource.backend.typed.array import Array
from modelnet.transport.frame import MAX_PIECE_BYTES

MAX_TEXTS = 64
"""Texts that run as one: memory grows with them, and beyond it an engine gains little."""

MAX_STATES_BYTES = MAX_PIECE_BYTES // 2
"""Hidden states of one answer, which travels as one piece with what else it holds."""

_STATES = ("last_hidden_state", "token_embeddings")
_VECTOR = "sentence_embedding"
"""What exporters call hidden states, and the vector where the graph pools by itself."""

_RANK_OF_STATES, _RANK_OF_VECTORS = 3, 2
_PROBES = ("one", "one two three, and some more words than that")
_TOLERANCE = 0.02
"""By how much padding may change an array, of its largest: in graphs of 8-bit integers it does."""


class Reading(NamedTuple):
    """Texts to read, as one asker wants them."""

    texts: tuple[str, ...]
    wants_states: bool
    """Whether it wants hidden states, `(tokens, hidden)` a text, or one vector a text."""


class Read(NamedTuple):
    """What was made of a reading."""

    arrays: list[Array]
    """float32, one a text."""
    n_tokens: int
    """Tokens that were read: what is beyond the length is not."""


def reads_tokens(session: Session) -> bool:
    """Whether a graph takes tokens and gives hidden states or a vector for them."""
    taken = {spec.name for spec in session.inputs}
    return "input_ids" in taken and taken <= READS and bool(_outputs(session.outputs))


class Encoder:
    """Reads texts with a graph. `read` blocks and may be called from many threads."""

    def __init__(
        self, session: Session, tokenizer: Tokenizer, pooler: Pooler, abandonment: Abandonment
    ) -> None:
        """Try the graph on two texts, one after the other and both as one, until abandoned.

        Raises:
            InvalidRequestError: the graph does not read what the tokenizer makes.
            EngineError: it fails at that.
        """
        self._session = session
        self._tokenizer = tokenizer
        self._pooler = pooler
        self._outputs = _outputs(session.outputs)
        self._states = next((name for name in self._outputs if name != _VECTOR), None)
        self._may_pad = False
        alone = [self._run(self._tokenizer.read([text]), abandonment)[0] for text in _PROBES]
        self.hidden_size = _width(alone[0].states)
        """Numbers in a hidden state; `None` where the graph gives none."""
        self.embedding_size = _width(alone[0].vector)
        """Numbers in a vector; `None` where it is not known how one is made."""
        self._may_pad = self._is_padding_harmless(alone, abandonment)

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text are read."""
        return self._tokenizer.max_tokens

    def read(self, readings: Sequence[Reading], abandonment: Abandonment) -> list[Read]:
        """Read the texts of many askers as one.

        Raises:
            InvalidRequestError: a text has no tokens, or the states of all are more than a message
                between nodes holds.
            EngineError: the graph failed.
        """
        tokens = self._tokenizer.read([text for one in readings for text in one.texts])
        self._refuse_large(readings, tokens)
        wants = [one.wants_states for one in readings for _ in one.texts]
        at_once = MAX_TEXTS if self._may_pad else 1
        arrays: list[Array] = []
        for begin in range(0, len(tokens), at_once):
            part = slice(begin, begin + at_once)
            made = self._run(tokens[part], abandonment)
            # What is not wanted is let go of at once: states are a thousand times a vector's size.
            arrays += [_wanted(*pair) for pair in zip(made, wants[part], strict=True)]
        return _dealt(readings, arrays, [len(one.ids) for one in tokens])

    def _refuse_large(self, readings: Sequence[Reading], tokens: Sequence[Tokens]) -> None:
        left = iter(tokens)
        for reading in readings:
            count = sum(len(one.ids) for one in islice(left, len(reading.texts)))
            if reading.wants_states and 4 * count * (self.hidden_size or 0) > MAX_STATES_BYTES:
                raise InvalidRequestError(
                    f"The hidden states of {count} tokens are too much for one answer; "
                    "ask for fewer texts at once.",
                    param="input",
                )

    def _is_padding_harmless(self, alone: "Sequence[_Made]", abandonment: Abandonment) -> bool:
        try:
            return _are_close(alone, self._run(self._tokenizer.read(_PROBES), abandonment))
        except ModelnetError:  # The graph takes one text only.
            return False

    def _run(self, tokens: Sequence[Tokens], abandonment: Abandonment) -> "list[_Made]":
        feed = self._tokenizer.feed(self._session.inputs, tokens)
        made = self._session.run(feed, self._outputs, abandonment)
        states = made.get(self._states or "")
        vectors = made.get(_VECTOR)
        if vectors is None and states is not None:
            vectors = self._pooler.pool(states, mask_of(tokens, states.shape[1]))
        return [
            _Made(
                None if states is None else states[row, : len(one.ids)],
                None if vectors is None else vectors[row],
            )
            for row, one in enumerate(tokens)
        ]


class _Made(NamedTuple):
    """What was made of one text."""

    states: "Array | None"
    vector: "Array | None"


def _outputs(specs: Sequence[TensorSpec]) -> list[str]:
    """Return the hidden states and the vector, as far as a graph gives them."""
    ranks = {spec.name: len(spec.shape) for spec in specs if spec.datatype in {"FP32", "FP16"}}
    states = [name for name in _STATES if ranks.get(name) == _RANK_OF_STATES]
    return states[:1] + [name for name in (_VECTOR,) if ranks.get(name) == _RANK_OF_VECTORS]


def _wanted(made: _Made, wants_states: bool) -> Array:
    import numpy as np

    array = made.states if wants_states else made.vector
    if array is None:
        raise EngineError("The graph did not give what its card says; ask another model.")
    return np.ascontiguousarray(array, "<f4")


def _dealt(
    readings: Sequence[Reading], arrays: Sequence[Array], counts: Sequence[int]
) -> list[Read]:
    """Give each asker what was made of its texts."""
    dealt: list[Read] = []
    end = 0
    for reading in readings:
        begin, end = end, end + len(reading.texts)
        dealt.append(Read([*arrays[begin:end]], sum(counts[begin:end])))
    return dealt


def _are_close(alone: Sequence[_Made], together: Sequence[_Made]) -> bool:
    import numpy as np

    pairs = [
        (one, other)
        for apart, joined in zip(alone, together, strict=True)
        for one, other in ((apart.states, joined.states), (apart.vector, joined.vector))
        if one is not None and other is not None
    ]
    return all(np.abs(one - other).max() <= _TOLERANCE * np.abs(one).max() for one, other in pairs)


def _width(array: "Array | None") -> int | None:
    return None if array is None else array.shape[-1]
