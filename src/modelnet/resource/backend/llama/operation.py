"""The operations that llama.cpp answers at once: step, score, embed, encode."""

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk, Token, Usage
from modelnet.core.error import ContextTooLongError, EngineError, UnsupportedError
from modelnet.core.request import Embed, Encode, Request, Score, Step
from modelnet.resource.backend.guard import refuse_response_format, unsupported
from modelnet.resource.backend.llama.probability import (
    ALL,
    FEW,
    draw_body,
    draw_of,
    logprob_of,
)
from modelnet.resource.backend.llama.server import LlamaServer
from modelnet.resource.backend.llama.token import Piece, continuation
from modelnet.resource.backend.llama.vector import (
    embed_body,
    embed_chunk,
    encode_body,
    encode_chunk,
)
from modelnet.resource.backend.shaping import count_pieces
from modelnet.resource.backend.usage import believed

_ANCHORS = ("\n", "a")
"""Characters that tokenizers seldom join with what stands behind them."""

_LAST_LAYER = -1


async def answer_at_once(
    card: ModelCard, server: LlamaServer, request: Request, deadline: float
) -> Chunk:
    """Return the only chunk of an answer that does not stream.

    Raises:
        UnsupportedError: the operation, or a part of what is asked, is beyond llama.cpp.
        ContextTooLongError: the prefix or an input does not fit.
        EngineError: the server failed.
    """
    match request:
        case Step():
            return await _step(card, server, request, deadline)
        case Score():
            return await _score(card, server, request, deadline)
        case Embed():
            answer = await server.post("/v1/embeddings", embed_body(request), deadline)
            return embed_chunk(card.name, request, answer)
        case Encode():
            return await _encode(card, server, request, deadline)
        case _:
            raise unsupported(card, request)


async def _step(card: ModelCard, server: LlamaServer, request: Step, deadline: float) -> Chunk:
    """Draw one token, and tell not it but what was likely."""
    refuse_response_format(card, request.prefix)
    prompt = await server.prompt(card, request.prefix, deadline)
    harmless = await server.harmless(deadline)
    body = draw_body(prompt.text, harmless, request.top_k)
    drawn, n_read = draw_of(card.name, await server.post("/completion", body, deadline))
    alternatives = tuple(one.alternative() for one in drawn.top_logprobs[: request.top_k])
    usage = believed(n_read, 0, Usage(count_pieces(prompt.text)))
    return Chunk(alternatives=alternatives, finish="stop", usage=usage)


async def _score(card: ModelCard, server: LlamaServer, request: Score, deadline: float) -> Chunk:
    """Walk the continuation a token at a time: llama.cpp tells nothing of what a prompt holds.

    Each token costs one request that reads only the token before it; the rest is in the cache. They
    follow one another in one place of the server, and leave the other places to others.
    """
    refuse_response_format(card, request.prefix)
    prompt = await server.prompt(card, request.prefix, deadline)
    before, after = await _apart(server, prompt.text, request.continuation, deadline)
    if card.context_length is not None and len(before) + len(after) > card.context_length:
        raise ContextTooLongError(f"Prefix and continuation are too long for {card.name}.")
    ids = [piece.id for piece in before]
    tokens: list[Token] = []
    for piece in after:
        logprob = await _logprob(server, ids, piece, deadline)
        tokens.append(Token(piece.bytes.decode("utf-8", "replace"), logprob, piece.bytes))
        ids.append(piece.id)
    return Chunk(tokens=tuple(tokens), finish="stop", usage=Usage(len(ids)))


async def _apart(
    server: LlamaServer, prompt: str, text: str, deadline: float
) -> tuple[list[Piece], list[Piece]]:
    """Return the tokens of a prompt, and those of a text behind it.

    The prompt's are those it has alone: after them the model draws when it is asked for a step.
    Where a token of both together would straddle the boundary, the text is tokenized behind another
    character instead, so that its tokens begin with it: as the model might go on after that prompt.
    """
    before = await server.tokenize(prompt, deadline)
    found = continuation(before, await server.tokenize(prompt + text, deadline), text)
    for anchor in _ANCHORS:
        if found is None:
            alone = await server.tokenize(anchor, deadline)
            found = continuation(alone, await server.tokenize(anchor + text, deadline), text)
    if found is None:
        raise UnsupportedError(
            f"The tokens of {server.name} do not part where the continuation begins; "
            "move the boundary to the beginning of a word."
        )
    return before, found


async def _logprob(server: LlamaServer, ids: list[int], wanted: Piece, deadline: float) -> float:
    """Return how likely a token is after others."""
    forced = wanted if wanted.is_drawable else await server.harmless(deadline)
    for n_probs in (1,) if wanted.is_drawable else (FEW, ALL):
        body = draw_body(ids, forced, n_probs)
        drawn, _ = draw_of(server.name, await server.post("/completion", body, deadline))
        if (logprob := logprob_of(drawn, wanted)) is not None:
            return logprob
    raise EngineError(f"{server.name} tells not all probabilities; ask another model.")


async def _encode(card: ModelCard, server: LlamaServer, request: Encode, deadline: float) -> Chunk:
    """Tell the hidden states of the last layer, after the final norm."""
    if request.layer != _LAST_LAYER:
        raise UnsupportedError(f"{card.name} tells of its last layer only; ask for layer -1.")
    answer = await server.post("/embeddings", encode_body(request), deadline)
    return encode_chunk(card.name, request, answer)
