"""Requests as Ollama's native API wants them: pure translation.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md. Ollama cuts what does not fit its
context without a word unless it is told not to: every request here tells it.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    Message,
    Sampling,
)
from modelnet.resource.backend.image import inline_image
from modelnet.resource.backend.reasoning import Phase, continued, phase_after
from modelnet.resource.backend.schema import schema_of

MAX_TOP_LOGPROBS = 20
"""Ollama refuses to tell more alternatives of a token."""

_WHOLE = {"truncate": False, "shift": False}
_ROLES = {"developer": "system"}


class Asking(NamedTuple):
    """A request on its way: the JSON, and where in its answer the model then is."""

    body: dict[str, Any]
    phase: Phase


def chat_asking(model: str, request: Chat, *, thinks: bool) -> Asking:
    """Return the JSON of a streamed chat; Ollama goes on with a last message of the model's own.

    A model that Ollama knows to think gets its thought apart. It cannot be left in the middle of
    one: an answer of which only thought exists is begun anew, without thinking again.

    Raises:
        UnsupportedError: the request asks for what Ollama has no word for.
    """
    body: dict[str, Any] = {"model": model, "messages": messages_of(request), **_WHOLE}
    body |= _options(request.sampling) | _logprobs(request.sampling)
    if request.tools:
        _refuse_tool_choice(request)
        body["tools"] = request.tools
    if not request.is_plain_text:
        body["format"] = format_of(request.response_format or {})
    return _begun(body, request, thinks=thinks)


def _begun(body: dict[str, Any], request: Chat, *, thinks: bool) -> Asking:
    begun = request.partial
    if not begun:
        return Asking(body, "undecided")
    if not thinks:
        open_message = {"content": continued("", begun.text, begun.reasoning)}
    elif begun.text:
        open_message = {"content": begun.text, "thinking": begun.reasoning}
    else:
        return Asking(body | {"think": False}, "speaking")
    messages = [*body["messages"], {"role": "assistant", **open_message}]
    return Asking(body | {"messages": messages}, phase_after("", begun.text, begun.reasoning))


def complete_asking(model: str, request: Complete, *, thinks: bool) -> Asking:
    """Return the JSON of a streamed completion of raw text.

    Raises:
        InvalidRequestError: there is no text; Ollama would only load the model.
    """
    prompt = request.prompt + request.partial.text
    if not prompt:
        raise InvalidRequestError("The prompt is empty; write at least one character.")
    body: dict[str, Any] = {"model": model, "prompt": prompt, "raw": True, **_WHOLE}
    body |= _options(request.sampling) | _logprobs(request.sampling)
    # Ollama would look for thought even in raw text.
    return Asking(body | ({"think": False} if thinks else {}), "speaking")


def next_token(body: dict[str, Any], top_k: int) -> dict[str, Any]:
    """Return the JSON that asks for one token and what else was likely there, in one piece."""
    greedy = {"num_predict": 1, "temperature": 0}
    told = {"logprobs": True, "top_logprobs": min(top_k, MAX_TOP_LOGPROBS)}
    return body | {"stream": False, "options": greedy, **told}


def embed_body(model: str, request: Embed) -> dict[str, Any]:
    """Return the JSON of a request for embeddings."""
    return {"model": model, "input": request.inputs, "truncate": False}


def messages_of(request: Chat) -> list[dict[str, Any]]:
    """Return the conversation as Ollama writes it: text, and images and tools beside it.

    Raises:
        UnsupportedError: an image is not in the message itself.
    """
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    return [_message(message, names) for message in request.messages]


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    written: dict[str, Any] = {
        "role": _ROLES.get(message.role, message.role),
        "content": message.text,
    }
    if images := list(_images(message)):
        written["images"] = images
    if message.tool_calls:
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        # Older versions know a tool's turn by the name of the tool.
        written |= {
            "tool_call_id": message.tool_call_id,
            "tool_name": names.get(message.tool_call_id, message.tool_call_id),
        }
    return written


def _images(message: Message) -> Iterable[str]:
    if not isinstance(message.content, str):
        for part in message.content:
            if isinstance(part, ImagePart):
                yield inline_image(part).data


def _call(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidRequestError(
            f"The arguments of the tool call {call.id!r} are no JSON object; mend them."
        ) from error
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments}}


def _options(sampling: Sampling) -> dict[str, Any]:
    wanted = {
        "num_predict": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": sampling.stop or None,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    return {"options": given} if given else {}


def _logprobs(sampling: Sampling) -> dict[str, Any]:
    if sampling.top_logprobs is None:
        return {}
    return {"logprobs": True, "top_logprobs": sampling.top_logprobs}


def _refuse_tool_choice(request: Chat) -> None:
    if request.tool_choice != "auto":
        raise UnsupportedError(
            "Ollama cannot be told which tool to call; leave tool_choice at auto."
        )


def format_of(response_format: dict[str, Any]) -> Any:
    """Return Ollama's `format` for a `response_format` other than text.

    Raises:
        UnsupportedError: it is of a kind Ollama cannot hold a model to.
    """
    if response_format.get("type") == "json_object":
        return "json"
    return schema_of(response_format)
