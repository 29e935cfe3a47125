"""Every back-end that asks a server over HTTP, as `test_bad_engine.py` runs them. Add yours.

An engine is a script that answers like a good server of its kind, and says `SAID` piece by piece to
whatever is asked; the faults are put over it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.model import Model
from tests.conformance.bad_server import GONE, Received, Reply, Script, answer, events

NAME = "teller"
PIECES = ("Once", " upon", " a", " time", " a", " fox", " met", " a", " crow", ".")
SAID = "".join(PIECES)


class BadEngine(NamedTuple):
    """A back-end, and the servers it is put in front of."""

    name: str
    make: Callable[[str], Model]
    """Given the server's URL; a model called `NAME`, not started."""
    well: Script
    """A good server: probes are answered, and answers are streams of `PIECES`."""
    boasts: tuple[Script, ...]
    """As `well`, but with usage that is absurd, negative, of the wrong type or missing."""
    old: Script
    """As `well`, but with nothing that younger versions of the server brought."""


def openai(url: str) -> Model:
    return OpenAIModel(openai_endpoint(f"{url}#m"), name=NAME)


def openai_script(usage: Any, *, is_old: bool = False) -> Script:
    """An OpenAI-compatible server whose stream ends with that usage, or says none."""

    def stream() -> Reply:
        said = [{"choices": [{"index": 0, "delta": {"content": p}}]} for p in PIECES]
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        told = [] if usage is None else [{"choices": [], "usage": usage}]
        return events([*said, end, *told], done=not is_old)

    def script(received: Received) -> Reply:
        if received.path == "/v1/models":
            return answer({"data": [{"id": "m"}]})
        if received.path != "/v1/chat/completions":
            return GONE
        if received.json.get("stream"):
            return stream()
        if is_old and set(received.json) - {"model", "messages", "max_tokens", "temperature"}:
            return answer({"error": "extra fields not permitted"}, status=400)
        return answer({"choices": [{"message": {"role": "assistant", "content": "a"}}]})

    return script


BAD_ENGINES = [
    BadEngine(
        "openai",
        openai,
        openai_script({"prompt_tokens": 1, "completion_tokens": 10}),
        (
            openai_script({"prompt_tokens": -5, "completion_tokens": -1}),
            openai_script({"prompt_tokens": 1 << 70, "completion_tokens": 1 << 62}),
            openai_script({"prompt_tokens": "many", "completion_tokens": None}),
            openai_script({"prompt_tokens": 0, "completion_tokens": 0}),
            openai_script("plenty"),
            openai_script({}),
            openai_script(None),
        ),
        openai_script(None, is_old=True),
    ),
]
