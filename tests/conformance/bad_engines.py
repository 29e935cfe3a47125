"""Every back-end that asks a server over HTTP, as `test_bad_engine.py` runs them. Add yours.

An engine is a script that answers like a good server of its kind, and says `SAID` piece by piece to
whatever is asked; the faults are put over it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.model import Model
from tests.conformance.bad_server import GONE, Received, Reply, Script, answer, events, lines

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


def ollama(url: str) -> Model:
    environment = {"OLLAMA_NUM_PARALLEL": "4"}
    return OllamaModel(ollama_endpoint(f"{url}#m"), name=NAME, environment=environment)


def ollama_script(usage: dict[str, Any], *, is_old: bool = False) -> Script:
    """An Ollama whose last line tells that usage."""

    def stream() -> Reply:
        said = [{"message": {"role": "assistant", "content": p}, "done": False} for p in PIECES]
        end = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
        return lines([*said, end | usage])

    def script(received: Received) -> Reply:
        match received.path:
            case "/api/tags":
                return answer({"models": [{"name": "m:latest"}]})
            case "/api/show":
                told = {} if is_old else {"capabilities": ["completion", "invented since"]}
                return answer({"modelfile": "FROM m", "details": {"family": "llama"}} | told)
            case "/api/chat" if not received.json.get("stream", True):
                if is_old and isinstance(received.json.get("format"), dict):
                    return answer({"error": "json: cannot unmarshal object"}, status=400)
                return answer({"message": {"content": "a"}, "done": True})
            case "/api/chat":
                return stream()
            case _:
                return GONE

    return script


def anthropic(url: str) -> Model:
    return AnthropicModel(anthropic_endpoint(f"{url}#m"), name=NAME, environment={})


def anthropic_script(usage: Any, *, is_old: bool = False) -> Script:
    """Anthropic's API, or a server that speaks it, whose message ends with that usage."""

    def stream() -> Reply:
        delta = {"type": "content_block_delta", "index": 0}
        said = [{**delta, "delta": {"type": "text_delta", "text": p}} for p in PIECES]
        begin = {"type": "message_start", "message": {"type": "message", "usage": usage}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
        end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
        new = [] if is_old else [{"type": "ping"}, {"type": "invented_since", "what": [1]}]
        told = [begin, *new, block, *said, {"type": "content_block_stop", "index": 0}, end]
        return events([*told, {"type": "message_stop"}], done=False, names=True)

    def script(received: Received) -> Reply:
        if received.path.startswith("/v1/models"):
            return (
                GONE
                if is_old and "?" not in received.path
                else answer({"data": [{"id": "m"}], "id": "m"})
            )
        if received.path != "/v1/messages":
            return GONE
        if received.json.get("stream"):
            return stream()
        if is_old and set(received.json) - {"model", "messages", "max_tokens"}:
            told = {"type": "invalid_request_error", "message": "Extra inputs are not permitted"}
            return answer({"type": "error", "error": told}, status=400)
        return answer({"type": "message", "content": [{"type": "text", "text": "a"}]})

    return script


def llama(url: str) -> Model:
    return LlamaModel(llama_endpoint(url), name=NAME)


def llama_script(usage: dict[str, Any], *, is_old: bool = False) -> Script:
    """A llama.cpp server whose last event tells that usage."""

    def end(content: str) -> dict[str, Any]:
        why = {"stopped_eos": True} if is_old else {"stop_type": "eos"}
        return {"content": content, "stop": True} | why | usage

    def completion(received: Received) -> Reply:
        if not received.json["stream"]:
            return answer(end("a"))
        said = [
            {"content": piece, "stop": False} | ({} if is_old else {"tokens": [token]})
            for token, piece in enumerate(PIECES)
        ]
        return events([*said, end("")], done=not is_old)

    caps = {} if is_old else {"modalities": {"vision": False}}
    props = {"default_generation_settings": {"n_ctx": 512}, "total_slots": 2} | caps
    replies: dict[str, Script] = {
        "/props": lambda _: answer(props),
        "/v1/models": lambda _: answer({"data": [{"id": "m"}]}),
        "/apply-template": lambda r: answer({"prompt": r.json["messages"][-1]["content"]}),
        "/v1/chat/completions": lambda _: events(llama_chat(usage), done=not is_old),
        "/completion": completion,
    }
    return lambda received: replies.get(received.path, lambda _: GONE)(received)


def llama_chat(usage: dict[str, Any]) -> list[dict[str, Any]]:
    """What it streams where it reads the conversation itself."""
    told = {
        "prompt_tokens": usage.get("tokens_evaluated"),
        "completion_tokens": usage.get("tokens_predicted"),
    }
    said = [{"choices": [{"delta": {"content": p}, "finish_reason": None}]} for p in PIECES]
    return [*said, {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": told}]


BAD_ENGINES = [
    BadEngine(
        "llama",
        llama,
        llama_script({"tokens_evaluated": 1, "tokens_predicted": 10}),
        (
            llama_script({"tokens_evaluated": -5, "tokens_predicted": -1}),
            llama_script({"tokens_evaluated": 1 << 70, "tokens_predicted": 1 << 62}),
            llama_script({"tokens_evaluated": "many", "tokens_predicted": None}),
            llama_script({"tokens_evaluated": 0, "tokens_predicted": 0}),
            llama_script({}),
        ),
        llama_script({}, is_old=True),
    ),
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
    BadEngine(
        "ollama",
        ollama,
        ollama_script({"prompt_eval_count": 1, "eval_count": 10}),
        (
            ollama_script({"prompt_eval_count": -5, "eval_count": -1}),
            ollama_script({"prompt_eval_count": 1 << 62, "eval_count": 1 << 62}),
            ollama_script({"prompt_eval_count": "many", "eval_count": None}),
            ollama_script({"prompt_eval_count": 0, "eval_count": 0}),
            ollama_script({}),
        ),
        ollama_script({}, is_old=True),
    ),
    BadEngine(
        "anthropic",
        anthropic,
        anthropic_script({"input_tokens": 1, "output_tokens": 10}),
        (
            anthropic_script({"input_tokens": -5, "output_tokens": -1}),
            anthropic_script({"input_tokens": 1 << 62, "output_tokens": 1 << 62}),
            anthropic_script({"input_tokens": "many", "output_tokens": "few"}),
            anthropic_script({"input_tokens": 0, "output_tokens": 0}),
            anthropic_script({}),
            anthropic_script(None),
        ),
        anthropic_script({}, is_old=True),
    ),
]
