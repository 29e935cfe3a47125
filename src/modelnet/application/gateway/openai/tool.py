"""Tool calls: the pieces engines stream, made ready for the client. Pure."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from modelnet.core.error import EngineError


class FunctionPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of what to call, and with what."""

    name: str | None = None
    arguments: str | None = None


class CallPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call, or a whole one; `index` says which call it belongs to."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionPiece | None = None


class Function(msgspec.Struct, frozen=True):
    """What to call, and with what arguments, as JSON in a string."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A whole tool call."""

    id: str
    type: Literal["function"] = "function"
    function: Function


class ToolCallReader:
    """Reads the tool calls of one answer; calls without an index are counted."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, raw: Iterable[bytes]) -> tuple[CallPiece, ...]:
        """Return the pieces, each with the index of its call.

        Raises:
            EngineError: a piece is not a tool call.
        """
        try:
            return tuple(self._placed(msgspec.json.decode(one, type=CallPiece)) for one in raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EngineError("The model answered a tool call that cannot be read.") from error

    def _placed(self, piece: CallPiece) -> CallPiece:
        index = self._count if piece.index is None else piece.index
        self._count = max(self._count, index + 1)
        return msgspec.structs.replace(piece, index=index)


def joined(raw: Iterable[bytes]) -> tuple[ToolCall, ...]:
    """Return the whole tool calls of an answer.

    Raises:
        EngineError: a piece is not a tool call.
    """
    calls: dict[int | None, list[CallPiece]] = {}
    for piece in ToolCallReader().read(raw):
        calls.setdefault(piece.index, []).append(piece)
    return tuple(_whole(index, pieces) for index, pieces in calls.items())


def _whole(index: int | None, pieces: Sequence[CallPiece]) -> ToolCall:
    functions = [piece.function for piece in pieces if piece.function is not None]
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), f"call_{index}"),
        function=Function(
            "".join(function.name or "" for function in functions),
            "".join(function.arguments or "" for function in functions),
        ),
    )
