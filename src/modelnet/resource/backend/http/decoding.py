"""JSON of servers: read, or refused as the garbage it is. Pure."""

from typing import Any, TypeVar

import msgspec

from modelnet.core.error import EngineError

T = TypeVar("T")

ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decoded(name: str, raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return what a server said on behalf of the model `name`.

    Raises:
        EngineError: it is not JSON, not the JSON that is due, not even text, or nested without end.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineError(f"{name} answered garbage; ask another model.") from error
