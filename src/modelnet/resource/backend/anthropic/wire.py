"""Requests as Anthropic's Messages API wants them: pure translation.

Source: https://platform.claude.com/docs/en/api/messages. System turns stand apart, user and
assistant take turns, results of tools are the user's, and `max_tokens` is never left out.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, ImagePart, Message, Sampling, TextPart
from modelnet.resource.backend.image import inline_image
from modelnet.resource.backend.schema import schema_of

MAX_TEMPERATURE = 1.0

_SYSTEM = {"system", "developer"}

Block = dict[str, Any]


def message_body(model: str, request: Chat, default_max_tokens: int) -> dict[str, Any]:
    """Return the JSON of a streamed message; a begun answer is its last turn.

    The API takes no begun thought (it signs its own), and no blanks at the end of a begun answer.

    Raises:
        UnsupportedError: the request asks for what the API has no word for.
        InvalidRequestError: a tool or a tool call is not one.
    """
    sampling = request.sampling
    _refuse(sampling)
    turns = turns_of(request.messages)
    if begun := request.partial.text.rstrip():
        turns = [*turns, {"role": "assistant", "content": [{"type": "text", "text": begun}]}]
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_tokens or default_max_tokens,
        "messages": turns,
        "stream": True,
    }
    return body | _optional(request)


def _optional(request: Chat) -> dict[str, Any]:
    sampling = request.sampling
    wanted: dict[str, Any] = {
        "system": _system(request.messages),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop_sequences": sampling.stop or None,
        "tools": [tool_of(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request),
        "output_config": _output_config(request),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _refuse(sampling: Sampling) -> None:
    if sampling.seed is not None:
        raise UnsupportedError("Anthropic's API takes no seed; leave it out.")
    if sampling.temperature is not None and sampling.temperature > MAX_TEMPERATURE:
        raise UnsupportedError("Anthropic's API takes temperatures up to 1; lower it.")


def _system(messages: Iterable[Message]) -> str | None:
    texts = [m.text for m in messages if m.role in _SYSTEM and m.text.strip()]
    return "\n\n".join(texts) or None


def _tool_choice(request: Chat) -> dict[str, Any] | None:
    if not request.tools or request.tool_choice == "auto":
        return None
    if request.tool_choice == "required":
        return {"type": "any"}
    return {"type": "tool", "name": request.tool_choice}


def _output_config(request: Chat) -> dict[str, Any] | None:
    if request.is_plain_text:
        return None
    schema = schema_of(request.response_format or {})
    return {"format": {"type": "json_schema", "schema": schema}}


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(msgspec.Struct):
    function: _Function


def tool_of(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a tool as Anthropic describes it.

    Raises:
        InvalidRequestError: it is none, as OpenAI describes them.
    """
    try:
        function = msgspec.convert(tool, _Tool).function
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"A tool is none ({error}); mend its description.") from error
    described: dict[str, Any] = {
        "name": function.name,
        "input_schema": function.parameters or {"type": "object"},
    }
    return described | ({"description": function.description} if function.description else {})


def turns_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return the turns of user and assistant; those of one side in a row are one.

    Raises:
        UnsupportedError: an image is not in the message itself.
        InvalidRequestError: the arguments of a tool call are no JSON object.
    """
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role in _SYSTEM or not (blocks := list(_blocks(message))):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> Iterable[Block]:
    if message.role == "tool":
        # A result may be empty; other texts may not.
        yield {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id or "",
            "content": list(_contents(message)),
        }
        return
    yield from _contents(message)
    for call in message.tool_calls:
        yield {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": _input(call.id, call.arguments),
        }


def _contents(message: Message) -> Iterable[Block]:
    content = message.content
    parts = (TextPart(content),) if isinstance(content, str) else content
    for part in parts:
        if isinstance(part, ImagePart):
            media_type, data = inline_image(part)
            source = {"type": "base64", "media_type": media_type, "data": data}
            yield {"type": "image", "source": source}
        elif part.text.strip():
            yield {"type": "text", "text": part.text}


def _input(call_id: str, arguments: str) -> Any:
    try:
        return msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequestError(
            f"The arguments of the tool call {call_id!r} are no JSON object; mend them."
        ) from error
