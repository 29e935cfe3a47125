"""Requests as llama.cpp wants them: pure translation."""

import array
from contextlib import suppress
from typing import Any, cast

import msgspec

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.error import EngineError, InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Complete, Embed, Message, Sampling
from modelnet.resource.backend.embedded.answer import Failure, error_of


def messages_of(request: Chat) -> list[dict[str, str]]:
    """Return the conversation as chat templates know it."""
    return [{"role": _role(message), "content": message.text} for message in request.messages]


def _role(message: Message) -> str:
    # Templates of open models were written before OpenAI gave the system role a second name.
    return "system" if message.role == "developer" else message.role


def completion_body(
    prompt: str, request: Chat | Complete, default_temperature: float | None
) -> bytes:
    """Return the JSON of a streamed completion.

    Raises:
        UnsupportedError: the wanted form of answer is none llama.cpp can hold a model to.
    """
    sampling = request.sampling
    body: dict[str, Any] = {"prompt": prompt, "stream": True, **_sampling(sampling)}
    if sampling.temperature is None and default_temperature is not None:
        body["temperature"] = default_temperature
    if isinstance(request, Chat) and not request.is_plain_text:
        body["json_schema"] = _schema(request.response_format or {})
    return msgspec.json.encode(body)


def _sampling(sampling: Sampling) -> dict[str, Any]:
    wanted = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": sampling.stop or None,
        # llama.cpp reports no log-probabilities at all where no alternative is asked for.
        "logprobs": None if sampling.top_logprobs is None else max(1, sampling.top_logprobs),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _schema(response_format: dict[str, Any]) -> Any:
    if response_format.get("type") == "json_object":
        return {"type": "object"}
    if response_format.get("type") == "json_schema":
        with suppress(msgspec.ValidationError):
            schema = msgspec.convert(response_format.get("json_schema"), _JsonSchema).schema
            _refuse_unknown_types(schema)
            return schema
    raise UnsupportedError("The response_format is unknown; use text, json_object or json_schema.")


_TYPES = {"string", "number", "integer", "boolean", "object", "array", "null"}


def _refuse_unknown_types(schema: Any) -> None:
    """Refuse a schema that llama.cpp would drop without a word, and answer freely.

    Raises:
        InvalidRequestError: a type in it is none of JSON's.
    """
    match schema:
        case {"type": str(kind)} if kind not in _TYPES:
            raise InvalidRequestError(f"The schema has the unknown type {kind!r}; mend it.")
        case dict():
            for part in cast("dict[str, Any]", schema).values():
                _refuse_unknown_types(part)
        case list():
            for part in cast("list[Any]", schema):
                _refuse_unknown_types(part)
        case _:
            pass


class _JsonSchema(msgspec.Struct):
    schema: dict[str, Any]


def embed_body(request: Embed) -> bytes:
    """Return the JSON of a request for embeddings."""
    return msgspec.json.encode({"input": request.inputs})


class _Vector(msgspec.Struct):
    index: int
    embedding: list[float]


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Vector] = []
    usage: _Usage = _Usage()
    error: Failure | None = None


_embeddings_decoder = msgspec.json.Decoder(_Embeddings)


def embed_chunk(name: str, answer: bytes) -> Chunk:
    """Return the only chunk of an answer made of vectors.

    Raises:
        ContextTooLongError: an input does not fit.
        EngineError: the answer holds no vectors.
    """
    try:
        told = _embeddings_decoder.decode(answer)
    except msgspec.DecodeError as error:
        raise EngineError(f"The engine of {name} returned no embeddings; ask another.") from error
    if told.error is not None:
        raise error_of(name, told.error)
    told.data.sort(key=lambda vector: vector.index)
    vectors = tuple(array.array("f", vector.embedding).tobytes() for vector in told.data)
    return Chunk(vectors=vectors, finish="stop", usage=Usage(told.usage.prompt_tokens))
