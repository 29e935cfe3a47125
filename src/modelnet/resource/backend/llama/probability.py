"""Asking llama.cpp for the probabilities of a single next token: pure translation.

llama.cpp tells nothing of a token it draws when that token ends within a character. So the drawing
is forced onto a token by a bias, which the probabilities it tells do not heed: onto any harmless
one to see what is likely, onto the very one whose probability is wanted to see that.
"""

from typing import Any, NamedTuple

from modelnet.core.error import EngineError, InvalidRequestError
from modelnet.core.request import MAX_TOP_K
from modelnet.resource.backend.llama.event import Drawn, bounded, native_event
from modelnet.resource.backend.llama.token import Piece

_CERTAIN = 1e6
"""A bias beyond any logit."""

FEW = 64
"""Alternatives that are looked through before all of a vocabulary are."""

ALL = MAX_TOP_K


def draw_body(prompt: str | list[int], forced: Piece, n_probs: int) -> dict[str, Any]:
    """Return the JSON of a completion that draws the forced token and tells what was likely."""
    return {
        "prompt": prompt,
        "stream": False,
        "cache_prompt": True,
        "n_predict": 1,
        "n_probs": n_probs,
        "temperature": 0.0,
        "logit_bias": [[forced.id, _CERTAIN]],
    }


class Draw(NamedTuple):
    """The one token that was drawn, and how many tokens were read for it, as told."""

    drawn: Drawn
    n_read: Any


def draw_of(name: str, answer: bytes) -> Draw:
    """Return what came of a draw.

    Raises:
        InvalidRequestError: there was nothing to go on from.
        EngineError: the answer tells no probabilities.
    """
    event = native_event(name, answer)
    if event.drawn:
        return Draw(event.drawn[0], event.used and event.used[0])
    if event.used == (0, 0):
        raise InvalidRequestError(f"The prompt is empty and {name} needs one; write something.")
    raise EngineError(f"{name} tells no probabilities; ask another model.")


def logprob_of(drawn: Drawn, wanted: Piece) -> float | None:
    """Return the natural-log probability of a token, where it was told."""
    if drawn.id == wanted.id:
        return bounded(drawn.logprob)
    return next((bounded(one.logprob) for one in drawn.top_logprobs if one.id == wanted.id), None)
