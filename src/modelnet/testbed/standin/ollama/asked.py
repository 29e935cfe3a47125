"""Requests as Ollama takes them: read, refused or turned into llama.cpp's. Pure.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md and docs/openapi.yaml.
"""

import base64
from typing import Any

import msgspec

from modelnet.resource.backend.reasoning import CLOSE, OPEN
from modelnet.testbed.standin.grammar import call_grammar, grammar_of
from modelnet.testbed.standin.ollama.version import Features

MAX_TOP_LOGPROBS = 20
_SOME_OBJECT = {"type": "object", "properties": {"answer": {"type": "string"}}}


class RefusalError(Exception):
    """What Ollama answers with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Function(msgspec.Struct):
    """What a tool call names."""

    name: str
    arguments: dict[str, Any] = {}


class Call(msgspec.Struct):
    """A tool call of an earlier turn."""

    function: Function
    id: str = ""


class Turn(msgspec.Struct):
    """One message of a chat."""

    role: str
    content: str = ""
    thinking: str = ""
    images: list[str] = []
    tool_calls: list[Call] = []
    tool_name: str = ""
    tool_call_id: str = ""


class Asked(msgspec.Struct):
    """The fields that `/api/chat` and `/api/generate` share."""

    model: str
    stream: bool = True
    format: Any = None
    options: dict[str, Any] = {}
    think: bool | str | None = None
    truncate: bool = True
    logprobs: bool = False
    top_logprobs: int = 0
    render_only: bool = msgspec.field(default=False, name="_debug_render_only")


class ChatAsked(Asked):
    """The body of `/api/chat`."""

    messages: list[Turn] = []
    tools: list[dict[str, Any]] = []

    @property
    def wants_call(self) -> bool:
        """Whether the model, which always calls a tool it is offered, is to call one now."""
        return bool(self.tools) and bool(self.messages) and self.messages[-1].role != "tool"


class GenerateAsked(Asked):
    """The body of `/api/generate`."""

    prompt: str = ""
    suffix: str = ""
    system: str = ""
    template: str = ""
    raw: bool = False
    context: list[int] = []
    images: list[str] = []

    @property
    def turns(self) -> list[Turn]:
        """The chat that a prompt which is not raw stands for."""
        begin = [Turn("system", self.system)] if self.system else []
        return [*begin, Turn("user", self.prompt, images=self.images)]


def llama_options(asked: Asked, features: Features) -> dict[str, Any]:
    """Return llama.cpp's options for Ollama's.

    Raises:
        RefusalError: the format is none this version knows.
    """
    names = {"num_predict": "n_predict", "temperature": "temperature", "top_p": "top_p"}
    names |= {"top_k": "top_k", "min_p": "min_p", "seed": "seed", "stop": "stop"}
    options = {names[k]: v for k, v in asked.options.items() if k in names}
    if asked.logprobs and features.logprobs:
        options["n_probs"] = max(1, asked.top_logprobs)
    if isinstance(asked, ChatAsked) and asked.wants_call:
        return options | {"grammar": call_grammar(asked.tools)}
    return options | _form(asked.format, features)


def _form(wanted: Any, features: Features) -> dict[str, Any]:
    match wanted:
        case None | "":
            return {}
        case "json":
            return {"grammar": grammar_of(_SOME_OBJECT)}
        case {"type": _} if features.schema:
            return {"grammar": grammar_of(wanted)}
        case _:
            raise RefusalError(
                400, f'invalid format: {wanted!r}; expected "json" or a valid JSON Schema object'
            )


def llama_messages(turns: list[Turn]) -> list[dict[str, Any]]:
    """Return the turns as chat templates know them.

    Raises:
        RefusalError: an image is no base64.
    """
    return [_llama_message(turn) for turn in turns]


def _llama_message(turn: Turn) -> dict[str, Any]:
    seen = "".join(f"[an image of {_size(image)} bytes]" for image in turn.images)
    message: dict[str, Any] = {"role": turn.role, "content": seen + turn.content}
    if turn.tool_calls:
        message["tool_calls"] = [
            {"type": "function", "function": msgspec.to_builtins(call.function)}
            for call in turn.tool_calls
        ]
    return message


def _size(image: str) -> int:
    try:
        return len(base64.b64decode(image, validate=True))
    except ValueError as error:
        raise RefusalError(400, f"illegal base64 data: {error}") from error


def opening(turn: Turn, *, thinks: bool) -> str:
    """Return the beginning of an answer that the last turn of a chat leaves open."""
    thought = f"{OPEN}{turn.thinking}{CLOSE}" if thinks and turn.thinking else ""
    return thought + turn.content
