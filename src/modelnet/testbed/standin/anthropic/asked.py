"""Requests as the Messages API takes them: read, refused or turned into llama.cpp's. Pure.

Source: https://platform.claude.com/docs/en/api/messages, and its list of common validation errors.
"""

import base64
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from modelnet.testbed.standin.anthropic.served import Served
from modelnet.testbed.standin.grammar import call_grammar, grammar_of

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MEDIA_TYPES = {"image/jpeg", "image/png", "image/gif", "image/webp"}

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class RefusalError(Exception):
    """What the API answers with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def body(self) -> dict[str, Any]:
        """Return the answer that tells it."""
        error = {"type": _ERROR_TYPES[self.status], "message": str(self)}
        return {"type": "error", "error": error, "request_id": "req_standin"}


class Source(msgspec.Struct):
    """Where an image is."""

    type: str
    media_type: str = ""
    data: str = ""


class Block(msgspec.Struct):
    """A piece of a message, of any of the kinds that a client may send."""

    type: Literal["text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking"]
    text: str = ""
    source: Source | None = None
    id: str = ""
    name: str = ""
    input: dict[str, Any] = {}
    tool_use_id: str = ""
    content: "str | list[Block]" = ""


class Turn(msgspec.Struct):
    """One message."""

    role: str
    content: str | list[Block]

    @property
    def blocks(self) -> list[Block]:
        """Its pieces; a text alone is one."""
        if isinstance(self.content, str):
            return [Block("text", text=self.content)]
        return self.content

    def of(self, kind: str) -> list[Block]:
        """Return its pieces of one kind."""
        return [block for block in self.blocks if block.type == kind]


class Tool(msgspec.Struct):
    """A tool the model may call."""

    name: str
    input_schema: dict[str, Any]
    description: str = ""


class _Form(msgspec.Struct):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class _OutputConfig(msgspec.Struct):
    format: _Form | None = None
    effort: str | None = None


_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `/v1/messages`; an unknown field is refused, as the API does."""

    model: str
    max_tokens: _Count
    messages: Annotated[list[Turn], msgspec.Meta(min_length=1)]
    system: str | list[Block] = ""
    stream: bool = False
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: int | None = None
    stop_sequences: list[str] = []
    tools: list[Tool] = []
    tool_choice: dict[str, Any] = {}
    output_config: _OutputConfig | None = None
    thinking: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def begun(self) -> Turn | None:
        """The assistant's turn that is to be gone on with."""
        return self.messages[-1] if self.messages[-1].role == "assistant" else None

    @property
    def offered(self) -> list[Tool]:
        """The tools of which the model, which always calls one it is offered, is to call one."""
        if self.tool_choice.get("type") == "none" or self.messages[-1].of("tool_result"):
            return []
        named = self.tool_choice.get("name")
        return [tool for tool in self.tools if named in {None, tool.name}]


def checked(asked: Asked, model: Served) -> Asked:
    """Return a request that the API would answer.

    Raises:
        RefusalError: it would not.
    """
    for told in _faults(asked, model):
        raise RefusalError(400, told)
    return asked


def _faults(asked: Asked, model: Served) -> Iterable[str]:
    yield from _faults_of_turns(asked)
    yield from _faults_of_begun(asked, model)
    yield from _faults_of_tools(asked, model)
    if not model.samples and (asked.temperature, asked.top_p) != (None, None):
        yield "`temperature` and `top_p` are deprecated for this model."
    if any(not stop.strip() for stop in asked.stop_sequences):
        yield "stop_sequences: each stop sequence must contain non-whitespace"


def _faults_of_turns(asked: Asked) -> Iterable[str]:
    called: set[str] = set()
    for place, turn in enumerate(asked.messages):
        if turn.role not in {"user", "assistant"}:
            yield f'messages: Unexpected role "{turn.role}"; system text has its own field'
        if not turn.blocks or any(not block.text for block in turn.of("text")):
            yield "messages: text content blocks must be non-empty"
        answered = {block.tool_use_id for block in turn.of("tool_result")}
        if answered != called:
            yield f"messages.{place}: tool_use ids and tool_result blocks must belong together"
        called = {block.id for block in turn.of("tool_use")}


def _faults_of_begun(asked: Asked, model: Served) -> Iterable[str]:
    if asked.begun is None:
        return
    if not model.prefills:
        yield (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    last = asked.begun.blocks[-1]
    if last.type == "text" and last.text != last.text.rstrip():
        yield "messages: final assistant content cannot end with trailing whitespace"
    if asked.output_config is not None and asked.output_config.format is not None:
        yield "output_config.format: prefill is not supported with structured outputs"


def _faults_of_tools(asked: Asked, model: Served) -> Iterable[str]:
    if asked.tools and not model.calls_tools:
        yield "tools: the template of the model behind this stand-in knows no tools"
    for place, tool in enumerate(asked.tools):
        if not _TOOL_NAME.fullmatch(tool.name):
            yield f"tools.{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if tool.input_schema.get("type") != "object":
            yield f"tools.{place}.input_schema.type: Input should be 'object'"


def llama_options(asked: Asked) -> dict[str, Any]:
    """Return llama.cpp's options for the API's."""
    wanted = {
        "n_predict": asked.max_tokens,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "stop": asked.stop_sequences or None,
    }
    options = {key: value for key, value in wanted.items() if value is not None}
    if asked.offered:
        return options | {"grammar": call_grammar([_openai_tool(t) for t in asked.offered])}
    form = asked.output_config.format if asked.output_config else None
    return options | ({"grammar": grammar_of(form.schema)} if form else {})


def llama_messages(asked: Asked, *, sees: bool) -> list[dict[str, Any]]:
    """Return the turns as chat templates know them, but for the one to be gone on with.

    Raises:
        RefusalError: an image is none, or the model reads none.
    """
    system = asked.system
    text = system if isinstance(system, str) else "".join(block.text for block in system)
    turns = asked.messages[:-1] if asked.begun else asked.messages
    told = [one for turn in turns for one in _llama_turn(turn, sees=sees)]
    return [*([{"role": "system", "content": text}] if text else []), *told]


def _llama_turn(turn: Turn, *, sees: bool) -> Iterable[dict[str, Any]]:
    for block in turn.of("tool_result"):
        yield {"role": "tool", "content": _seen(block.content, sees=sees)}
    said = [block for block in turn.blocks if block.type in {"text", "image"}]
    calls = [
        {"type": "function", "function": {"name": block.name, "arguments": block.input}}
        for block in turn.of("tool_use")
    ]
    if said or calls:
        message = {"role": turn.role, "content": _seen(said, sees=sees)}
        yield message | ({"tool_calls": calls} if calls else {})


def _seen(content: str | list[Block], *, sees: bool) -> str:
    if isinstance(content, str):
        return content
    return "".join(_image(one, sees=sees) if one.type == "image" else one.text for one in content)


def _image(block: Block, *, sees: bool) -> str:
    source = block.source
    if not sees or source is None or source.media_type not in _MEDIA_TYPES:
        raise RefusalError(400, "messages: the image is of a kind this model does not read")
    try:
        size = len(base64.b64decode(source.data, validate=True))
    except ValueError as error:
        raise RefusalError(400, f"messages: invalid base64 data: {error}") from error
    return f"[an image of {size} bytes]"


def llama_tools(asked: Asked) -> list[dict[str, Any]] | None:
    """Return the tools as chat templates know them."""
    return [_openai_tool(tool) for tool in asked.tools] or None


def _openai_tool(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.input_schema,
    }
    return {"type": "function", "function": function}
