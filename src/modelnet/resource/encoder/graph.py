"""MiniLM as an ONNX graph of 8-bit integers, written from its weights. Pure.

It takes `input_ids` INT64 (batch, seq), all of them tokens, and gives `sentence_embedding` FP32
(batch, hidden), the mean of the last hidden states brought to a length of 1.

Matrices are int8 with a scale for each output, activations uint8 with one scale for the whole
tensor, found as it comes: texts run one by one, or their neighbours would change them. Weights
stay within 63: two products of an uint8 with such a weight fit into 16 bits, which processors
without VNNI add up in, and so the integers are the same on every machine.
"""

from typing import NamedTuple

from modelnet.resource.backend.typed.array import Array, Arrays
from modelnet.resource.encoder.encoder import MAX_TOKENS
from modelnet.resource.encoder.protobuf import Value, message

INPUT, OUTPUT = "input_ids", "sentence_embedding"

_LARGEST_WEIGHT = 63
_LARGEST_EMBEDDING = 127
_HEAD_SIZE = 32
_EPSILON = 1e-12
_IR_VERSION, _OPSET = 8, 17
_CONTRIBUTED = "com.microsoft"
"""The operators of ONNX Runtime beyond ONNX; their documentation is `docs/ContribOperators.md`."""
_TYPES = {"float32": 1, "int8": 3, "int64": 7}
_FLOAT, _INT, _INTS = 1, 2, 7
"""Kinds of an attribute."""


def write_graph(weights: Arrays) -> bytes:
    """Return the file of the graph.

    Raises:
        KeyError: an array is missing.
    """
    graph = _Writer(weights).graph()
    licence = message((1, "license"), (2, "apache-2.0"))
    opsets = (
        (8, message((1, domain), (2, version)))
        for domain, version in (("", _OPSET), (_CONTRIBUTED, 1))
    )
    return message((1, _IR_VERSION), (2, "modelnet"), (7, graph), *opsets, (14, licence))


class _Packed(NamedTuple):
    integers: Array
    scales: Array
    """float32, one a row."""


def packed(matrix: Array, largest: int) -> _Packed:
    """Return a matrix as int8 `(rows, columns)` of at most so much, and the scale of each row."""
    import numpy as np

    scales = np.maximum(np.abs(matrix).max(axis=1), np.finfo(np.float32).tiny) / largest
    return _Packed(np.rint(matrix / scales[:, None]).astype(np.int8), scales.astype(np.float32))


class _Writer:
    """Collects nodes and constants; the names of tensors stand for the tensors themselves."""

    def __init__(self, weights: Arrays) -> None:
        self._weights = weights
        self._nodes: list[bytes] = []
        self._constants: dict[str, Array] = {}

    def graph(self) -> bytes:
        """Return the message of the whole graph."""
        x = self._embedding()
        layer = 0
        while f"encoder.layer.{layer}.output.dense.bias" in self._weights:
            x = self._layer(x, f"encoder.layer.{layer}")
            layer += 1
        mean = self._op("ReduceMean", x, axes=(1,), keepdims=0)
        self._op("LpNormalization", mean, out=OUTPUT, axis=-1, p=2)
        size = len(self._weights["embeddings.LayerNorm.bias"])
        return message(
            *((1, node) for node in self._nodes),
            (2, "minilm"),
            *((5, _tensor(name, array)) for name, array in self._constants.items()),
            (11, _value(INPUT, "int64", "batch", "seq")),
            (12, _value(OUTPUT, "float32", "batch", size)),
        )

    def _embedding(self) -> str:
        """The token, its place, and that it belongs to the first text, added and normalised."""
        import numpy as np

        words = packed(self._weights["embeddings.word_embeddings.weight"], _LARGEST_EMBEDDING)
        integers = self._op("Gather", self._constant("words", words.integers), INPUT)
        scales = self._op("Gather", self._constant("scales", words.scales[:, None]), INPUT)
        x = self._op("Mul", self._op("Cast", integers, to=_TYPES["float32"]), scales)
        places = self._weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        first = self._weights["embeddings.token_type_embeddings.weight"][0]
        one = self._constant("one", np.array(1))
        count = self._op("Gather", self._op("Shape", INPUT), one)
        numbers = self._op("Range", self._constant("zero", np.array(0)), count, one)
        place = self._op("Gather", self._constant("places", places + first), numbers)
        return self._norm(self._op("Add", x, place), "embeddings.LayerNorm")

    def _layer(self, x: str, at: str) -> str:
        """Attention, then feed-forward, each added to what it read and normalised."""
        parts = (f"{at}.attention.self.{one}" for one in ("query", "key", "value"))
        q, k, v = (self._project(x, part) for part in parts)
        heads = len(self._weights[f"{at}.output.dense.bias"]) // _HEAD_SIZE
        mixed = self._op("MultiHeadAttention", q, k, v, domain=_CONTRIBUTED, num_heads=heads)
        seen = self._project(mixed, f"{at}.attention.output.dense")
        x = self._norm(self._op("Add", x, seen), f"{at}.attention.output.LayerNorm")
        inner = self._project(x, f"{at}.intermediate.dense")
        thought = self._project(self._op("Gelu", inner, domain=_CONTRIBUTED), f"{at}.output.dense")
        return self._norm(self._op("Add", x, thought), f"{at}.output.LayerNorm")

    def _project(self, x: str, at: str) -> str:
        """Multiply (batch, seq, inputs) by a matrix (outputs, inputs), and add its bias."""
        matrix = packed(self._weights[f"{at}.weight"], _LARGEST_WEIGHT)
        integers = self._constant(f"{at}.integers", matrix.integers.T)
        scales = self._constant(f"{at}.scales", matrix.scales)
        # The fourth would be the integer that stands for 0, which is 0.
        inputs = (x, integers, scales, "", self._weight(f"{at}.bias"))
        return self._op("DynamicQuantizeMatMul", *inputs, domain=_CONTRIBUTED)

    def _norm(self, x: str, at: str) -> str:
        scale, bias = self._weight(f"{at}.weight"), self._weight(f"{at}.bias")
        return self._op("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _constant(self, name: str, array: Array) -> str:
        self._constants[name] = array
        return name

    def _op(
        self,
        kind: str,
        *inputs: str,
        out: str = "",
        domain: str = "",
        **attributes: float | tuple[int, ...],
    ) -> str:
        name = out or f"{kind}_{len(self._nodes)}"
        node = message(
            *((1, one) for one in inputs),
            (2, name),
            (3, name),
            (4, kind),
            *((5, _attribute(one, v)) for one, v in attributes.items()),
            (7, domain),
        )
        self._nodes.append(node)
        return name


def _attribute(name: str, value: float | tuple[int, ...]) -> bytes:
    match value:
        case int():
            told: list[tuple[int, Value]] = [(3, value), (20, _INT)]
        case float():
            told = [(2, value), (20, _FLOAT)]
        case tuple():
            told = [*((8, one) for one in value), (20, _INTS)]
    return message((1, name), *told)


def _tensor(name: str, array: Array) -> bytes:
    shape = ((1, size) for size in array.shape)
    kind = _TYPES[array.dtype.name]
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return message(*shape, (2, kind), (8, name), (9, little.tobytes()))


def _value(name: str, kind: str, *shape: int | str) -> bytes:
    sizes = (message((1 if isinstance(size, int) else 2, size)) for size in shape)
    told = message((1, _TYPES[kind]), (2, message(*((1, size) for size in sizes))))
    return message((1, name), (2, message((1, told))))
