"""Requests as llama.cpp wants them: pure translation."""

from collections.abc import Sequence
from typing import Any, cast

from modelnet.core.card import ModelCard
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Complete, Message, Sampling, TextPart
from modelnet.resource.backend.grammar import grammar_of, refuse_heavy_tools
from modelnet.resource.backend.guard import refuse_continued_format
from modelnet.resource.backend.image import inline_image
from modelnet.resource.backend.schema import schema_of

_STREAM: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def needs_chat(request: Chat | Complete) -> bool:
    """Whether llama.cpp itself must read the conversation.

    It finds tool calls and sees images.
    """
    return isinstance(request, Chat) and bool(request.tools or request.has_image)


def is_fresh(request: Chat | Complete) -> bool:
    """Whether llama.cpp may read the conversation itself, which saves rendering it.

    The answer begins there and is free in form.
    """
    return isinstance(request, Chat) and request.is_plain_text and not request.partial


def refuse_lost(card: ModelCard, chat: Chat) -> None:
    """Let a conversation pass that the template of the model shows whole.

    Raises:
        UnsupportedError: it holds calls of tools, and the template would leave them out.
    """
    if not card.has_tools and any(m.tool_calls or m.role == "tool" for m in chat.messages):
        raise UnsupportedError(
            f"The model {card.name} reads no tool calls; ask a model that calls tools."
        )


def refuse_continued_chat(card: ModelCard, request: Chat | Complete) -> None:
    """Refuse to go on with an answer that was begun elsewhere where llama.cpp would begin anew.

    Raises:
        UnsupportedError: the answer is held to a format, may call tools, or is about images.
    """
    refuse_continued_format(card, request)
    if request.partial and needs_chat(request):
        raise UnsupportedError(
            f"The model {card.name} does not go on with an answer that began with tools or images "
            "in sight; begin it anew."
        )


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return a conversation as chat templates know it.

    Raises:
        UnsupportedError: an image is not in the request itself.
    """
    return [_message(message) for message in messages]


def _message(message: Message) -> dict[str, Any]:
    # Templates of open models were written before OpenAI gave the system role a second name.
    role = "system" if message.role == "developer" else message.role
    told: dict[str, Any] = {"role": role, "content": _content(message)}
    if message.tool_calls:
        told["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str) or not message.has_image:
        return message.text
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        else:
            media_type, data = inline_image(part)
            url = f"data:{media_type};base64,{data}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def completion_body(
    prompt: str,
    request: Chat | Complete,
    default_temperature: float | None = None,
    *,
    is_thinking: bool = False,
) -> dict[str, Any]:
    """Return the JSON of a streamed completion, for either dialect.

    Raises:
        UnsupportedError: the wanted form of answer is unknown.
        InvalidRequestError: no model can be held to its schema.
    """
    body = {"prompt": prompt, "stream": True, **_sampling(request.sampling, default_temperature)}
    if isinstance(request, Chat) and not request.is_plain_text:
        body["grammar"] = _grammar(request, is_thinking=is_thinking)
    return body


def chat_body(
    request: Chat, default_temperature: float | None = None, *, is_thinking: bool = False
) -> dict[str, Any]:
    """Return the JSON of a streamed chat which llama.cpp reads itself.

    Raises:
        InvalidRequestError: the tool that is to be called is not among the tools, or no model can
            be held to the schema.
        UnsupportedError: an image is not in the request, tools and a form of answer are, or that
            form is unknown.
    """
    body: dict[str, Any] = {"messages": messages_of(request.messages), **_STREAM}
    if not request.has_tools:
        # As it was written: whoever goes on with the answer must be able to write it again.
        body["reasoning_format"] = "none"
    body |= _sampling(request.sampling, default_temperature)
    if n_probs := body.pop("n_probs", None):
        body |= {"logprobs": True, "top_logprobs": n_probs}
    if request.tools:
        body |= _tools(request)
    if not request.is_plain_text:
        if request.tools:
            raise UnsupportedError("Ask for tools or for a response_format, not for both.")
        body["grammar"] = _grammar(request, is_thinking=is_thinking)
    return body


def _tools(request: Chat) -> dict[str, Any]:
    """Return the tools; llama.cpp knows no choice of a single one, so it is shown no other."""
    refuse_heavy_tools(request.tools)
    choice = request.tool_choice
    if choice in {"auto", "required"}:
        return {"tools": request.tools, "tool_choice": choice}
    chosen = [tool for tool in request.tools if _tool_name(tool) == choice]
    if not chosen:
        raise InvalidRequestError(f"The tool {choice!r} is to be called but not given; give it.")
    return {"tools": chosen, "tool_choice": "required"}


def _tool_name(tool: dict[str, Any]) -> Any:
    function = tool.get("function")
    return cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else None


def _sampling(sampling: Sampling, default_temperature: float | None) -> dict[str, Any]:
    temperature = sampling.temperature
    wanted = {
        "n_predict": sampling.max_tokens,
        "temperature": default_temperature if temperature is None else temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": sampling.stop or None,
        # llama.cpp reports no log-probabilities at all where no alternative is asked for.
        "n_probs": None if sampling.top_logprobs is None else max(1, sampling.top_logprobs),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _grammar(chat: Chat, *, is_thinking: bool = False) -> str:
    """Return what the answer is held to.

    llama.cpp takes schemas too, but hands them to a library that confuses the tokenizers of one
    process and then aborts it, and leaves out in silence what it does not know.
    """
    wanted = chat.response_format or {}
    if wanted.get("type") == "json_object":
        return grammar_of({"type": "object"}, is_thinking=is_thinking)
    return grammar_of(schema_of(wanted), is_thinking=is_thinking)
