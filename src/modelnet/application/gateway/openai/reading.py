"""What a client's body asks of a model: bodies in, core requests out. Pure.

What cannot be honoured is refused, never dropped: an answer that ignores half of what was asked
looks like an answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from modelnet.application.gateway.openai.body import (
    Body,
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    SampledBody,
)
from modelnet.application.gateway.openai.conversation import conversation_of
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Complete, Embed, Request, Sampling
from modelnet.core.wish import NO_WISH, Wish
from modelnet.service.verifier.program import flaw

DEFAULT_COMPLETION_TOKENS = 16
"""What OpenAI's completions stop after when `max_tokens` is not given."""

_MAX_MODELS = 32

_REFUSED: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
}
_REFUSED_IN_CHAT: Mapping[str, tuple[Any, ...]] = {
    **_REFUSED,
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
    "functions": ([],),
    "function_call": ("none",),
    "parallel_tool_calls": (True,),
}
_REFUSED_IN_COMPLETION: Mapping[str, tuple[Any, ...]] = {
    **_REFUSED,
    "echo": (False,),
    "suffix": ("",),
    "best_of": (1,),
}
_REFUSED_IN_EMBEDDING: Mapping[str, tuple[Any, ...]] = {"dimensions": ()}


def models_of(body: Body) -> tuple[str, ...]:
    """Return the fallback chain: `model`, cut at its commas, then `modelnet.fallback`.

    Raises:
        InvalidRequestError: a name is empty, or there are too many.
    """
    names = [name.strip() for name in body.model.split(",")]
    if body.modelnet is not None:
        names += [name.strip() for name in body.modelnet.fallback]
    if not all(names):
        raise InvalidRequestError(
            "`model` holds an empty name; write `A` or `A, B, C`.", param="model"
        )
    if len(names) > _MAX_MODELS:
        raise InvalidRequestError(
            f"`model` and its fallbacks are {len(names)}; name at most {_MAX_MODELS}.",
            param="model",
        )
    return tuple(dict.fromkeys(names))


def expected_of(body: Body, requests: Sequence[Request]) -> str | None:
    """Return the right answer, where the asker told it.

    Raises:
        UnsupportedError: there is no text to compare it with.
        InvalidRequestError: there are several, and it is not told of which.
    """
    expected = None if body.modelnet is None else body.modelnet.expected
    if expected is None:
        return None
    if not all(isinstance(request, Chat | Complete) for request in requests):
        raise UnsupportedError(
            "`modelnet.expected` is for answers that are text; leave it out.",
            param="modelnet.expected",
        )
    if len(requests) > 1:
        raise InvalidRequestError(
            "`modelnet.expected` is of one answer; send one prompt.", param="modelnet.expected"
        )
    return str(expected)


def unit_tests_of(body: Body, requests: Sequence[Request]) -> str | None:
    """Return the unit tests of the answer, where the asker has some.

    Raises:
        UnsupportedError: there is no text to test.
        InvalidRequestError: they are no Python, or it is not told of which answer they are.
    """
    tests = None if body.modelnet is None else body.modelnet.tests
    if tests is None:
        return None
    if not all(isinstance(request, Chat | Complete) for request in requests):
        raise UnsupportedError(
            "`modelnet.tests` is for answers that are text; leave it out.", param="modelnet.tests"
        )
    if len(requests) > 1:
        raise InvalidRequestError(
            "`modelnet.tests` is of one answer; send one prompt.", param="modelnet.tests"
        )
    if (why := flaw(tests)) is not None:
        raise InvalidRequestError(f"`modelnet.tests` is no Python: {why}.", param="modelnet.tests")
    return tests


def wish_of(body: Body, requests: Sequence[Request]) -> Wish:
    """Return the limits and weights of each task of a request, which share the money.

    Raises:
        UnsupportedError: answers of that kind are neither right nor wrong.
    """
    wish = NO_WISH if body.modelnet is None else body.modelnet.wish
    is_text = all(isinstance(request, Chat | Complete) for request in requests)
    if wish.min_quality is not None and not is_text:
        raise UnsupportedError(
            "`modelnet.min_quality` is for answers that are text; leave it out.",
            param="modelnet.min_quality",
        )
    if wish.max_cost_usd is None:
        return wish
    return msgspec.structs.replace(wish, max_cost_usd=wish.max_cost_usd / len(requests))


def chat_of(body: ChatBody) -> Chat:
    """Return the chat a body asks for.

    Raises:
        InvalidRequestError: a message is empty, or fields contradict each other.
        UnsupportedError: it asks for something no model here does.
    """
    _refuse(body, _REFUSED_IN_CHAT)
    if body.top_logprobs is not None and not body.logprobs:
        raise InvalidRequestError(
            "`top_logprobs` needs `logprobs` to be true.", param="top_logprobs"
        )
    tools, response_format = _tools(body), _response_format(body)
    return Chat(
        messages=conversation_of(body.messages),
        sampling=_sampling(
            body,
            max_tokens=body.max_completion_tokens or body.max_tokens,
            top_logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        ),
        tools=tools,
        tool_choice=_tool_choice(body),
        response_format=response_format,
    )


def completions_of(body: CompletionBody) -> tuple[Complete, ...]:
    """Return the completions a body asks for, one a prompt.

    Raises:
        UnsupportedError: it asks for something no model here does.
    """
    _refuse(body, _REFUSED_IN_COMPLETION)
    sampling = _sampling(
        body,
        max_tokens=body.max_tokens or DEFAULT_COMPLETION_TOKENS,
        top_logprobs=body.logprobs,
    )
    return tuple(Complete(text, sampling) for text in _texts(body.prompt, "prompt"))


def embed_of(body: EmbeddingBody) -> Embed:
    """Return the embedding request of a body.

    Raises:
        InvalidRequestError: an input is empty, or the encoding is unknown.
        UnsupportedError: it asks for something no model here does.
    """
    _refuse(body, _REFUSED_IN_EMBEDDING)
    if body.encoding_format not in (None, "float", "base64"):
        raise InvalidRequestError(
            "`encoding_format` must be `float` or `base64`.", param="encoding_format"
        )
    inputs = _texts(body.input, "input")
    if "" in inputs:
        raise InvalidRequestError("`input` holds an empty string; leave it out.", param="input")
    return Embed(inputs)


def _refuse(body: Body, refused: Mapping[str, tuple[Any, ...]]) -> None:
    for field, neutral in refused.items():
        value = getattr(body, field)
        if value is not None and value not in neutral:
            raise UnsupportedError(
                f"`{field}` is not supported with this value; leave it out.", param=field
            )


def _sampling(body: SampledBody, *, max_tokens: int | None, top_logprobs: int | None) -> Sampling:
    stops = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
    return Sampling(
        max_tokens=max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        seed=body.seed,
        stop=tuple(stop for stop in stops if stop),
        top_logprobs=top_logprobs,
    )


def _tools(body: ChatBody) -> tuple[dict[str, Any], ...]:
    tools = body.tools or ()
    if body.tool_choice == "none" or not tools:
        return ()
    _check_travels(tools, "tools")
    for index, tool in enumerate(tools):
        if _name_of(tool) is None:
            place = f"tools[{index}].function.name"
            raise InvalidRequestError(f"`{place}` is missing.", param=place)
    return tools


def _tool_choice(body: ChatBody) -> str:
    """Return `auto`, `required`, or the name of the tool to call."""
    if body.tool_choice in (None, "auto", "none"):
        return "auto"
    names = [_name_of(tool) for tool in body.tools or ()]
    if not names:
        raise InvalidRequestError("`tool_choice` needs `tools`.", param="tool_choice")
    match body.tool_choice:
        case "required":
            return "required"
        case {"type": "function", "function": {"name": str(name)}}:
            return _chosen(name, names)
        case _:
            raise UnsupportedError(
                "`tool_choice` can be `none`, `auto`, `required` or one function; leave it out.",
                param="tool_choice",
            )


def _chosen(name: str, names: list[str | None]) -> str:
    if name not in names:
        raise InvalidRequestError(
            f"`tool_choice` names {name!r}, which is not among `tools`.", param="tool_choice"
        )
    if name in ("auto", "required"):
        raise UnsupportedError(
            f"A tool called {name!r} cannot be chosen by name; give it another.",
            param="tool_choice",
        )
    return name


def _name_of(tool: dict[str, Any]) -> str | None:
    match tool:
        case {"function": {"name": str(name)}} if name:
            return name
        case _:
            return None


def _response_format(body: ChatBody) -> dict[str, Any] | None:
    wanted = body.response_format
    if wanted is None or wanted.get("type") == "text":
        return None
    if wanted.get("type") not in ("json_object", "json_schema"):
        raise InvalidRequestError(
            "`response_format.type` must be `text`, `json_object` or `json_schema`.",
            param="response_format.type",
        )
    _check_travels(wanted, "response_format")
    return wanted


def _check_travels(value: object, field: str) -> None:
    """JSON's integers have no end; those of the frames between nodes have 64 bits."""
    try:
        msgspec.msgpack.encode(value)
    except OverflowError:
        raise InvalidRequestError(
            f"`{field}` holds an integer of more than 64 bits; make it smaller.", param=field
        ) from None


def _texts(given: str | tuple[Any, ...], field: str) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else given
    if not all(isinstance(text, str) for text in texts):
        raise UnsupportedError(
            f"`{field}` holds token ids, which mean something else to every model; send text.",
            param=field,
        )
    return texts
