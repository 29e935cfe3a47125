"""What a model tells of a text without writing one: next tokens, scores, hidden states, vectors."""

from collections.abc import Iterator

from modelnet.core.chunk import Chunk, Token, Usage
from modelnet.core.error import InvalidRequestError
from modelnet.core.request import Embed, Encode, Score, Step
from modelnet.core.tensor import Tensor
from modelnet.resource.backend.transformers.distribution import Distribution
from modelnet.resource.backend.transformers.engine import Engine
from modelnet.resource.backend.transformers.folder import Embedder
from modelnet.resource.backend.transformers.pooling import pool
from modelnet.resource.backend.transformers.prompt import read_prompt
from modelnet.resource.backend.transformers.sequence import IsStopped, StoppedError


def step(engine: Engine, request: Step, is_stopped: IsStopped) -> Chunk:
    """Return which tokens may come next.

    Raises:
        StoppedError: nobody waits for it any more.
        ModelnetError: the request cannot be answered, or the engine failed.
    """
    tokens = read_prompt(engine, request.prefix).tokens
    with engine.open() as sequence:
        logits = sequence.read_prompt(tokens, is_stopped)
    told = Distribution(logits, engine.tokenizer.vocabulary)
    usage = Usage(len(tokens))
    return Chunk(alternatives=told.alternatives(request.top_k), finish="stop", usage=usage)


def score(engine: Engine, request: Score, is_stopped: IsStopped) -> Chunk:
    """Return how likely a continuation is; every token is read once.

    Raises:
        StoppedError: nobody waits for it any more.
        ModelnetError: the request cannot be answered, or the engine failed.
    """
    prefix = read_prompt(engine, request.prefix).tokens
    given = engine.tokenizer.read_continuation(request.continuation)
    engine.tokenizer.check_length(len(prefix) + len(given))
    tokens: list[Token] = []
    with engine.open() as sequence:
        for place, logits in zip(given, sequence.follow(prefix, given, is_stopped), strict=True):
            tokens.append(Distribution(logits, engine.tokenizer.vocabulary).token(place))
    return Chunk(tokens=tuple(tokens), finish="stop", usage=Usage(len(prefix), len(given)))


def encode(engine: Engine, request: Encode, is_stopped: IsStopped) -> Chunk:
    """Return the hidden states of each input.

    Raises:
        StoppedError: nobody waits for it any more.
        ModelnetError: the request cannot be answered, or the engine failed.
    """
    if request.layer > engine.layers:
        raise InvalidRequestError(
            f"The model has no layer {request.layer}; ask for one of 0 to {engine.layers}, or -1."
        )
    inputs = [engine.tokenizer.read_input(text) for text in request.inputs]
    states = [engine.hidden_states(tokens, request.layer) for tokens in _until(inputs, is_stopped)]
    tensors = tuple(
        Tensor(f"hidden_states.{place}", "FP32", state.shape, state.astype("<f4").tobytes())
        for place, state in enumerate(states)
    )
    return Chunk(tensors=tensors, finish="stop", usage=Usage(sum(map(len, inputs))))


def embed(engine: Engine, embedder: Embedder, request: Embed, is_stopped: IsStopped) -> Chunk:
    """Return the vector of each input.

    Raises:
        StoppedError: nobody waits for it any more.
        ModelnetError: the request cannot be answered, or the engine failed.
    """
    inputs = [engine.tokenizer.read_input(embedder.prompt + text) for text in request.inputs]
    vectors = tuple(
        pool(engine.hidden_states(tokens, -1), embedder) for tokens in _until(inputs, is_stopped)
    )
    return Chunk(vectors=vectors, finish="stop", usage=Usage(sum(map(len, inputs))))


def _until(inputs: list[list[int]], is_stopped: IsStopped) -> Iterator[list[int]]:
    for tokens in inputs:
        if is_stopped():
            raise StoppedError
        yield tokens
