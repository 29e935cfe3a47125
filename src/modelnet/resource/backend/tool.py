"""Tool calls of engines: their pieces joined, their arguments valid JSON or refused."""

from typing import Any

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.core.error import EngineError


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

    def calls(self) -> tuple[ToolCall, ...]:
        """Return the whole calls, now that nothing more comes.

        Raises:
            EngineError: the arguments of one are no JSON object, however kindly they are read.
        """
        return tuple(
            ToolCall(call.id or f"call_{place}", call.name, json_object(call.arguments, self._name))
            for place, call in sorted(self._calls.items())
        )


def json_object(text: str, name: str) -> str:
    """Return the arguments of a call as a JSON object; small mistakes of models are mended.

    Raises:
        EngineError: there is no telling what the model meant.
    """
    try:
        if isinstance(msgspec.json.decode(text or "{}"), dict):
            return text or "{}"
    except (msgspec.DecodeError, RecursionError):
        if isinstance(mended := _mended(text), dict):
            return msgspec.json.encode(mended).decode()
    raise EngineError(
        f"{name} called a tool with arguments that are no JSON object; ask another model."
    )


def _mended(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text)
    except RecursionError:
        return None
