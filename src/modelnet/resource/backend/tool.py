"""Tool calls of engines: their pieces joined, their arguments valid JSON or refused."""

from collections.abc import Sequence
from typing import Any

import msgspec

from modelnet.core.chunk import FinishReason, ToolCall
from modelnet.core.error import EngineError
from modelnet.core.request import Chat


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Piece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Call(msgspec.Struct):
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallReader:
    """Joins the pieces of tool calls as OpenAI streams them; one without an index is a new call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: dict[int, _Call] = {}

    def feed(self, piece: bytes) -> None:
        """Take in the next piece.

        Raises:
            EngineError: it is not one.
        """
        try:
            told = msgspec.json.decode(piece, type=_Piece)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EngineError(
                f"{self._name} answered a tool call that cannot be read; ask another model."
            ) from error
        place = len(self._calls) if told.index is None else told.index
        call = self._calls.setdefault(place, _Call())
        call.id = call.id or told.id or ""
        if told.function is not None:
            call.name += told.function.name or ""
            call.arguments += told.function.arguments or ""

    def calls(self, *, is_cut: bool = False) -> tuple[ToolCall, ...]:
        """Return the whole calls, now that nothing more comes.

        Args:
            is_cut: the answer reached its longest length. Then a call that is not valid as it is
                was cut too, and is left out: mending it would make up what the model never said.

        Raises:
            EngineError: the arguments of one are no JSON object, however kindly they are read.
        """
        return tuple(
            ToolCall(call.id or f"call_{place}", call.name, json_object(call.arguments, self._name))
            for place, call in sorted(self._calls.items())
            if not is_cut or _is_object(call.arguments)
        )


def json_object(text: str, name: str) -> str:
    """Return the arguments of a call as a JSON object; small mistakes of models are mended.

    Raises:
        EngineError: there is no telling what the model meant.
    """
    whole = text or "{}"
    if _is_object(whole):
        return whole
    if not _is_json(whole) and isinstance(mended := _mended(whole), dict):
        return msgspec.json.encode(mended).decode()
    raise EngineError(
        f"{name} called a tool with arguments that are no JSON object; ask another model."
    )


def check_calls(name: str, request: Chat, calls: Sequence[ToolCall], finish: FinishReason) -> None:
    """Return if an answer calls what it was offered, and calls something where it must.

    Raises:
        EngineError: it does not.
    """
    offered = {_name_of(tool) for tool in request.tools}
    if request.tools and request.tool_choice not in ("auto", "required"):
        offered = {request.tool_choice}
    if any(call.name not in offered for call in calls):
        raise EngineError(f"{name} called a tool that it was not to call; ask another model.")
    is_forced = bool(request.tools) and request.tool_choice != "auto"
    if is_forced and not calls and finish != "length":
        raise EngineError(f"{name} called no tool though it was to; ask another model.")


def _name_of(tool: dict[str, Any]) -> str | None:
    match tool:
        case {"function": {"name": str(name)}}:
            return name
        case _:
            return None


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_object(text: str) -> bool:
    return text.lstrip().startswith("{") and _is_json(text)


def _mended(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text)
    except RecursionError:
        return None
