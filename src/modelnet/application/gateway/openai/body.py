"""The bodies OpenAI clients send, decoded and checked where they enter.

Fields nobody here knows are ignored. Known ones that cannot be honoured are declared as `Any` and
refused by `reading` unless they say what would happen anyway.
"""

from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from modelnet.application.gateway.openai.explanation import explain
from modelnet.core.error import InvalidRequestError
from modelnet.core.request import Content, Role
from modelnet.core.wish import NO_WEIGHTS, Amount, Probability, Seconds, Weights, Wish
from modelnet.service.verifier import MAX_CHARACTERS

MAX_STOPS = 16
MAX_PROMPTS = 256
MAX_INPUTS = 2048
MAX_DEADLINE_S = 3600
MAX_TESTS = 65536
_INT64 = 2**63

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Alternatives: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=20)]
TokenIds: TypeAlias = tuple[int, ...]


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class NetworkOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `modelnet` field: what OpenAI has no word for.

    What is not known here is refused: a limit whose name is misspelt would be no limit.
    """

    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=MAX_DEADLINE_S)] | None = None
    fallback: Annotated[tuple[Name, ...], msgspec.Meta(max_length=16)] = ()
    """Models to try, in order, when the one asked is not to be had."""
    explain: bool = False
    """Also tell who was considered, and why the one that answered was asked."""
    expected: Annotated[str, msgspec.Meta(max_length=MAX_CHARACTERS)] | int | float | None = None
    """The right answer, where the asker knows it: models do not see it, routing learns from it."""
    tests: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TESTS)] | None = None
    """Unit tests in Python of an answer that is code: models do not see them either."""
    keep: bool = True
    """Whether what became of the task may be remembered and stored."""
    cache: bool = True
    """Whether an earlier answer will do, where the node keeps answers."""
    max_cost_usd: Amount | None = None
    max_latency_s: Seconds | None = None
    min_quality: Probability | None = None
    weights: Weights | None = None

    @property
    def wish(self) -> Wish:
        """The limits and weights."""
        return Wish(
            max_cost_usd=self.max_cost_usd,
            max_latency_s=self.max_latency_s,
            min_quality=self.min_quality,
            weights=self.weights or NO_WEIGHTS,
        )


class MessageBody(msgspec.Struct, frozen=True):
    """One turn of a conversation as a client writes it."""

    role: Role
    content: Content | None = None
    tool_calls: tuple[Any, ...] | None = None
    tool_call_id: str | None = None
    function_call: Any = None
    audio: Any = None


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What every body has."""

    model: Name = "auto"
    modelnet: NetworkOptions | None = None


class SampledBody(Body, frozen=True, kw_only=True):
    """What bodies that ask for text have."""

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Count | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64 - 1)] | None = None
    stop: str | Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_STOPS)] | None = None
    n: Any = None
    logit_bias: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None


class ChatBody(SampledBody, frozen=True, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[tuple[MessageBody, ...], msgspec.Meta(min_length=1)]
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Alternatives | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: Any = None
    response_format: dict[str, Any] | None = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    web_search_options: Any = None


class CompletionBody(SampledBody, frozen=True, kw_only=True):
    """`POST /v1/completions`."""

    prompt: (
        str
        | Annotated[
            tuple[str | int | TokenIds, ...], msgspec.Meta(min_length=1, max_length=MAX_PROMPTS)
        ]
    )
    logprobs: Alternatives | None = None
    echo: Any = None
    suffix: Any = None
    best_of: Any = None


class EmbeddingBody(Body, frozen=True, kw_only=True):
    """`POST /v1/embeddings`."""

    input: (
        str
        | Annotated[
            tuple[str | int | TokenIds, ...], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)
        ]
    )
    encoding_format: str | None = None
    dimensions: Any = None


B = TypeVar("B", bound=Body)


@cache
def _decoder(kind: type[Body]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(kind: type[B], raw: bytes) -> B:
    """Return the body of a request.

    Raises:
        InvalidRequestError: it is not JSON, or not the JSON this endpoint takes.
    """
    try:
        return _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explain(error) from None
    except RecursionError:
        raise InvalidRequestError("The body is nested too deeply; flatten it.") from None
