"""The bodies of `step`, `score` and `encode`, and what they ask of a model. Pure."""

from typing import Annotated, Any

import msgspec

from modelnet.application.gateway.openai.body import MAX_INPUTS, Body, ChatBody, MessageBody
from modelnet.application.gateway.openai.reading import chat_of
from modelnet.core.error import InvalidRequestError
from modelnet.core.request import MAX_TOP_K, Complete, Encode, Partial, Prefix, Score, Step

MAX_LAYER = 2**15
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class PrefixBody(Body, frozen=True, kw_only=True):
    """What comes before: a conversation or a text, and the answer as far as it exists."""

    messages: Annotated[tuple[MessageBody, ...], msgspec.Meta(min_length=1)] | None = None
    prompt: str | None = None
    partial: str | Partial = ""
    tools: tuple[dict[str, Any], ...] | None = None
    response_format: dict[str, Any] | None = None


class StepBody(PrefixBody, frozen=True, kw_only=True):
    """`POST /modelnet/v1/step`."""

    top_k: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOP_K)] = 20


class ScoreBody(PrefixBody, frozen=True, kw_only=True):
    """`POST /modelnet/v1/score`."""

    continuation: _Text


class EncodeBody(Body, frozen=True, kw_only=True):
    """`POST /modelnet/v1/encode`."""

    input: _Text | Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    layer: Annotated[int, msgspec.Meta(ge=-1, le=MAX_LAYER)] = -1
    encoding_format: str | None = None


def step_of(body: StepBody) -> Step:
    """Return the step a body asks for.

    Raises:
        RequestError: what comes before makes no sense.
    """
    return Step(_prefix_of(body), body.top_k)


def score_of(body: ScoreBody) -> Score:
    """Return the score a body asks for.

    Raises:
        RequestError: what comes before makes no sense.
    """
    return Score(_prefix_of(body), body.continuation)


def encode_of(body: EncodeBody) -> Encode:
    """Return the hidden states a body asks for.

    Raises:
        InvalidRequestError: the encoding of the answer is unknown.
    """
    if body.encoding_format not in (None, "float", "base64"):
        raise InvalidRequestError(
            "`encoding_format` must be `float` or `base64`.", param="encoding_format"
        )
    return Encode((body.input,) if isinstance(body.input, str) else body.input, body.layer)


def _prefix_of(body: PrefixBody) -> Prefix:
    partial = Partial(body.partial) if isinstance(body.partial, str) else body.partial
    if body.messages is not None and body.prompt is None:
        chat = chat_of(
            ChatBody(messages=body.messages, tools=body.tools, response_format=body.response_format)
        )
        return msgspec.structs.replace(chat, partial=partial)
    if body.prompt is None or body.messages is not None:
        raise InvalidRequestError("Send either `messages` or `prompt`.", param="messages")
    for field in ("tools", "response_format"):
        if getattr(body, field):
            raise InvalidRequestError(f"`{field}` needs `messages`.", param=field)
    return Complete(body.prompt, partial=partial)
