"""Tool calls as OpenAI writes them. Pure."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from modelnet.core.chunk import ToolCall


class FunctionView(msgspec.Struct, frozen=True):
    """What to call, and with what arguments, as JSON in a string."""

    name: str
    arguments: str


class ToolCallView(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call; in a stream `index` says which it is."""

    index: int | msgspec.UnsetType = msgspec.UNSET
    id: str
    type: Literal["function"] = "function"
    function: FunctionView


def tool_call_views(calls: Sequence[ToolCall], *, first: int | None = None) -> list[ToolCallView]:
    """Return the calls of a response, or of a stream that has shown `first` calls before."""
    return [
        ToolCallView(
            index=msgspec.UNSET if first is None else first + place,
            id=call.id or f"call_{(first or 0) + place}",
            function=FunctionView(call.name, call.arguments),
        )
        for place, call in enumerate(calls)
    ]
