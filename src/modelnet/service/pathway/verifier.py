"""What a program can check of an answer: sums, tests, the form asked for, calls of tools. Pure."""

from typing import Any, cast

from modelnet.core.chunk import ToolCall
from modelnet.core.request import Chat, Request
from modelnet.service.pathway.answer import Answer
from modelnet.service.verifier import schema, verdict_on


def can_prove(request: Request) -> bool:
    """Tell whether it can be worked out if an answer is right, before there is one."""
    is_plain = isinstance(request, Chat) and request.is_plain_text
    # A number is what a sum comes to; of what else programs judge, they judge no number.
    return is_plain and verdict_on(request, "0") is not None


def is_right(request: Request, answer: Answer) -> bool | None:
    """Tell whether an answer is right, where that can be worked out; `None` where it cannot."""
    if answer.proof is not None:
        return answer.proof
    if not isinstance(request, Chat) or not request.is_plain_text:
        return None
    verdict = verdict_on(request, answer.text)
    return None if verdict is None else verdict > 0.5


def is_well_formed(request: Request, answer: Answer) -> bool | None:
    """Tell whether an answer has the form that was asked for; `None` where none was."""
    if answer.is_empty:
        return False
    if not isinstance(request, Chat):
        return None
    if answer.tool_calls:
        return all(_is_valid(call, request) for call in answer.tool_calls)
    if request.tools and request.tool_choice not in {"auto", "none"}:
        return False
    if request.is_plain_text:
        return None
    return not schema.breaks(request.response_format, answer.text)


def _is_valid(call: ToolCall, request: Chat) -> bool:
    offered = next((f for f in map(_function, request.tools) if f.get("name") == call.name), None)
    if offered is None or request.tool_choice not in {"auto", "required", call.name}:
        return False
    objects = {"allOf": [{"type": "object"}, offered.get("parameters") or True]}
    form = {"type": "json_schema", "json_schema": {"schema": objects}}
    return not schema.breaks(form, call.arguments)


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    return cast("dict[str, Any]", function) if isinstance(function, dict) else {}
