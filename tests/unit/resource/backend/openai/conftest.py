"""A small real server that speaks OpenAI's API, as able and as well behaved as each test wants."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BEST = {"token": "a", "logprob": -0.1}
LOGPROBS = {"content": [BEST | {"bytes": [97], "top_logprobs": [BEST]}]}
OLD_LOGPROBS = {
    "tokens": ["a"],
    "token_logprobs": [-1.0],
    "top_logprobs": [{"b": -2.0, "a": -1.0}],
}
CALL = {"index": 0, "id": "1", "function": {"name": "look", "arguments": "{}"}}


def event(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one event of a streamed chat."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}]}


async def stream(
    request: web.Request, events: list[Any], *, ends: bool = True
) -> web.StreamResponse:
    """Send events; `ends` says whether in good order."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for data in events:
        raw = data if isinstance(data, str) else json.dumps(data)
        await response.write(f"data: {raw}\n\n".encode())
    if ends:
        await response.write(b"data: [DONE]\n\n")
    elif request.transport is not None:
        request.transport.abort()
    return response


def refusal(message: str = "no such thing", status: int = 400) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)


class Upstream:
    """The server. Probes are answered as its abilities say; after them `chat` answers chats."""

    def __init__(self) -> None:
        self.url = ""
        self.models: Any = {"data": [{"id": "m", "max_model_len": 512}]}
        self.abilities: set[str] = set()
        """Of `logprobs`, `complete`, `embed`, `tools`, `reads-tools`, `forces`, `json_schema`,
        `json_object`, `vision`, `drops-images`, `open-message`, `prompt-logprobs`, `echo`, `old`,
        `young`."""
        self.chat: Handler = self._say_hello
        self.is_probing = True
        self.requests: list[dict[str, Any]] = []
        self.probed: list[tuple[str, dict[str, Any]]] = []
        self.authorizations: list[str | None] = []
        self.extra: dict[str, Handler] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer anything."""
        self.authorizations.append(request.headers.get("Authorization"))
        if request.path == "/v1/models":
            return web.json_response(self.models)
        body = await request.json() if request.can_read_body else {}
        if self.is_probing:
            self.probed.append((request.path, body))
        else:
            self.requests.append(body)
        if request.path in self.extra:
            return await self.extra[request.path](request)
        if request.path == "/v1/chat/completions":
            return await (self._chat_probe if self.is_probing else self.chat)(request)
        return await self._other(request, body)

    async def _other(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        match request.path.removeprefix("/v1/"):
            case "completions" if "complete" in self.abilities:
                return await self._completion(request, body)
            case "embeddings" if "embed" in self.abilities:
                return web.json_response({"data": [{"embedding": [0.5, 1.0, 1.5]}]})
            case "/tokenize" if "open-message" in self.abilities:
                is_open = body.get("continue_final_message", False)
                texts = ["<s>", "Hello", "\u0120three", *([] if is_open else ["<|end|>"])]
                return web.json_response({"tokens": [1, 2], "token_strs": texts})
            case _:
                return refusal(status=404)

    async def _chat_probe(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if "old" in self.abilities and set(body) - {"model", "messages", "max_tokens", "stream"}:
            return refusal("extra fields not permitted", 422)
        if "young" in self.abilities and {"max_tokens", "temperature"} & set(body):
            return refusal("Unsupported parameter: use 'max_completion_tokens'")
        if body.get("stream"):
            logprobs = LOGPROBS if "logprobs" in self.abilities else None
            usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
            return await stream(request, [event("a", logprobs=logprobs), event("", "stop"), usage])
        return self._whole_probe(body)

    def _whole_probe(self, body: dict[str, Any]) -> web.Response:
        message: dict[str, Any] = {"role": "assistant", "content": "a"}
        prompt_tokens = 9
        if "tools" in body:
            if not self.abilities & {"tools", "forces", "reads-tools"}:
                return refusal("no tools")
            if "forces" not in self.abilities and "tool_choice" in body:
                return refusal("no tool_choice")
            prompt_tokens += 80
            if self.abilities & {"tools", "forces"}:
                message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        if wanted := body.get("response_format"):
            if wanted["type"] not in self.abilities:
                return refusal("no such format")
            message["content"] = '{"ok": true}'
        if not isinstance(body["messages"][0]["content"], str):
            if not self.abilities & {"vision", "drops-images"}:
                return refusal("no images")
            prompt_tokens += 50 * ("vision" in self.abilities)
        choice = {"message": message, "logprobs": None, "finish_reason": "length"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": prompt_tokens}})

    async def _completion(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        logprobs = OLD_LOGPROBS if "logprobs" in self.abilities else None
        if body.get("stream"):
            text = f"<think>{body['prompt']}"
            choice = {"text": text, "logprobs": logprobs, "finish_reason": "stop"}
            return await stream(request, [{"choices": [choice]}])
        told: dict[str, Any] = {"text": "a", "logprobs": logprobs, "finish_reason": "length"}
        if "prompt_logprobs" in body and "prompt-logprobs" in self.abilities:
            told["prompt_logprobs"] = [None, {"7": {"logprob": -1.0, "decoded_token": "b"}}]
        if body.get("echo") and "echo" in self.abilities:
            told["text"] = body["prompt"] + "a"
            texts = ["1", " 2", "a"]
            told["logprobs"] = {"tokens": texts, "token_logprobs": [None, -1.0, -2.0]}
        return web.json_response({"choices": [told], "usage": {"prompt_tokens": 4}})

    async def _say_hello(self, request: web.Request) -> web.StreamResponse:
        usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        return await stream(request, [event("Hel"), event("lo", "stop"), usage])


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A running server."""
    made = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


Connect = Callable[..., Awaitable[OpenAIModel]]


@pytest.fixture
async def connect(upstream: Upstream) -> AsyncIterator[Connect]:
    """Start models of the server, whose abilities may be named; they are stopped with the test."""
    async with AsyncExitStack() as stack:

        async def start(*abilities: str, suffix: str = "#m") -> OpenAIModel:
            upstream.abilities |= set(abilities)
            upstream.is_probing = True
            model = OpenAIModel(openai_endpoint(upstream.url + suffix))
            await model.start()
            stack.push_async_callback(model.stop)
            upstream.is_probing = False
            return model

        yield start
