"""Requests as OpenAI's API writes them. Pure."""

from typing import Any

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.core.request import Chat, Content, Embed, Message, Sampling
from modelnet.resource.backend.openai.finding import Dialect

_USAGE = {"stream_options": {"include_usage": True}}


def streamed(body: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return a body that asks for a stream, and for its usage where that can be asked."""
    return {**body, "stream": True, **(_USAGE if dialect.has_stream_options else {})}


def chat_body(model: str, request: Chat, dialect: Dialect) -> dict[str, Any]:
    """Return the JSON of a chat. What the request leaves open is left out."""
    body: dict[str, Any] = {"model": model, "messages": messages_of(request)}
    body |= _sampling(request.sampling, dialect)
    if request.sampling.top_logprobs is not None:
        body |= chat_alternatives(request.sampling.top_logprobs)
    if request.tools:
        body["tools"] = request.tools
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return body


def chat_alternatives(count: int) -> dict[str, Any]:
    """Return what asks a chat for log-probabilities and so many alternatives to each token."""
    return {"logprobs": True, "top_logprobs": count}


def completion_body(model: str, prompt: str, sampling: Sampling) -> dict[str, Any]:
    """Return the JSON of a completion."""
    # Completions never had the younger name of the field.
    body = {"model": model, "prompt": prompt, **_sampling(sampling, Dialect())}
    if sampling.top_logprobs is not None:
        # Some servers report nothing at all where no alternative is asked for.
        body["logprobs"] = max(1, sampling.top_logprobs)
    return body


def embed_body(model: str, request: Embed) -> dict[str, Any]:
    """Return the JSON of a request for embeddings."""
    return {"model": model, "input": request.inputs, "encoding_format": "float"}


def messages_of(request: Chat) -> list[dict[str, Any]]:
    """Return the conversation as OpenAI writes it."""
    return [_message(message) for message in request.messages]


def _message(message: Message) -> dict[str, Any]:
    # Templates of open models were written before OpenAI gave the system role a second name.
    role = "system" if message.role == "developer" else message.role
    written: dict[str, Any] = {"role": role, "content": _content(message.content)}
    if message.tool_calls:
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
        written["content"] = written["content"] or None
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _content(content: Content) -> Any:
    return content if isinstance(content, str) else msgspec.to_builtins(content)


def _tool_choice(choice: str) -> Any:
    if choice == "required":
        return choice
    return {"type": "function", "function": {"name": choice}}


def _sampling(sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
    wanted = {
        dialect.length_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": sampling.stop or None,
    }
    return {key: value for key, value in wanted.items() if value is not None}
