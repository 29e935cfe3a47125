"""The turns of a conversation as clients write them, those of tools among them. Pure."""

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from modelnet.application.gateway.openai.body import MessageBody
from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Message


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str = ""


class _Call(msgspec.Struct, frozen=True):
    id: str
    function: _Function


def conversation_of(bodies: Sequence[MessageBody]) -> tuple[Message, ...]:
    """Return the messages of a chat.

    Raises:
        InvalidRequestError: a message is empty, or a tool's turn answers no call.
        UnsupportedError: one holds what no model here takes.
    """
    messages: list[Message] = []
    known: set[str] = set()
    for index, body in enumerate(bodies):
        message = _message(f"messages[{index}]", body)
        if message.tool_call_id is not None and message.tool_call_id not in known:
            _refuse(f"messages[{index}].tool_call_id", "answers no call of an earlier message")
        known.update(call.id for call in message.tool_calls)
        messages.append(message)
    return tuple(messages)


def _message(place: str, body: MessageBody) -> Message:
    for field in ("function_call", "audio"):
        if getattr(body, field):
            raise UnsupportedError(
                f"`{place}.{field}` cannot be handed to a model; leave it out.",
                param=f"{place}.{field}",
            )
    _check_role(place, body)
    calls = tuple(
        _call(f"{place}.tool_calls[{index}]", call)
        for index, call in enumerate(body.tool_calls or ())
    )
    if body.content is None and not calls:
        _refuse(f"{place}.content", "is missing")
    message = Message(body.role, body.content or "", calls, body.tool_call_id)
    if body.role == "user" and not message.text and not message.has_image:
        _refuse(f"{place}.content", "is empty; say something")
    return message


def _check_role(place: str, body: MessageBody) -> None:
    if body.tool_calls and body.role != "assistant":
        _refuse(f"{place}.tool_calls", "belongs to messages of the role `assistant`")
    if body.role == "tool" and not body.tool_call_id:
        _refuse(f"{place}.tool_call_id", "is missing: say which call this answers")
    if body.role != "tool" and body.tool_call_id is not None:
        _refuse(f"{place}.tool_call_id", "belongs to messages of the role `tool`")


def _call(place: str, told: Any) -> ToolCall:
    match told:
        case {"type": str(kind)} if kind != "function":
            raise UnsupportedError(
                f"`{place}.type` can be `function` only; leave others out.", param=f"{place}.type"
            )
        case _:
            pass
    try:
        call = msgspec.convert(told, _Call)
    except msgspec.ValidationError:
        _refuse(place, "is no call; write `id` and `function` with `name` and `arguments`")
    arguments = call.function.arguments or "{}"
    if not (call.id and call.function.name and _is_object(arguments)):
        _refuse(place, "needs an id, a name, and arguments that are the text of a JSON object")
    return ToolCall(call.id, call.function.name, arguments)


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def _refuse(place: str, why: str) -> NoReturn:
    raise InvalidRequestError(f"`{place}` {why}.", param=place)
