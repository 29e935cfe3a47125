"""What vLLM's server does that others do not, in front of llama.cpp: after its documentation.

`/tokenize` with chats and the texts of tokens, chats whose last message is left open, prompts of
token ids, `prompt_logprobs`, and log-probabilities of completions by the text of their tokens.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from modelnet.testbed.standin.service import Service

TEMPLATE = "{% for m in messages %}{{ m['content'] + '\n' }}{% endfor %}"
END = "<eos>"
MAX_LOGPROBS = 20


class VllmStandIn:
    """One model behind a server that answers as vLLM does."""

    def __init__(self, server: Any) -> None:
        """Stand in front of llama.cpp's own server, whose model has `TEMPLATE`."""
        self.engine = server
        self._service = Service(self._app, "vllm")
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return self._service.url

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            self.engine.listening_address, connector=aiohttp.TCPConnector(force_close=True)
        )
        await self._service.start()

    async def stop(self) -> None:
        await self._service.stop()
        if self._session is not None:
            await self._session.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._complete)
        return app

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "babble", "max_model_len": 4096}]})

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        chat = "messages" in body
        text = await self._render(body) if chat else body["prompt"]
        told = await self._ask(
            "/tokenize", {"content": text, "with_pieces": True, "parse_special": chat}
        )
        answer = {"tokens": [token["id"] for token in told["tokens"]], "max_model_len": 4096}
        if body.get("return_token_strs"):
            pieces = [token["piece"] for token in told["tokens"]]
            answer["token_strs"] = [piece.replace(" ", "\u0120") for piece in pieces]
        return web.json_response(answer)

    async def _render(self, body: dict[str, Any]) -> str:
        """Return a chat as the model reads it."""
        messages = body["messages"]
        if any(not isinstance(message["content"], str) for message in messages):
            raise web.HTTPBadRequest(text='{"message": "The model is no multimodal model"}')
        if messages[-1]["role"] != "assistant":
            return (await self._ask("/apply-template", {"messages": messages}))["prompt"]
        before = (await self._ask("/apply-template", {"messages": messages[:-1]}))["prompt"]
        is_open = body.get("continue_final_message", False)
        return before + messages[-1]["content"] + ("" if is_open else END)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        form = (body.get("response_format") or {"type": "text"})["type"]
        if "tools" in body or form != "text":
            return _refusal("this stand-in calls no tools and knows no formats")
        asked = _sampled(body) | {"prompt": await self._render(body)}
        if body.get("logprobs"):
            asked["logprobs"] = body.get("top_logprobs", 0)
        return await self._answer(request, body, asked, _as_chat)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if "echo" in body:
            return _refusal("not here")
        if "prompt_logprobs" in body:
            return web.json_response(await self._prompt_logprobs(body["prompt"]))
        asked = _sampled(body) | {"prompt": body["prompt"]}
        if "logprobs" in body:
            asked["logprobs"] = body["logprobs"]
        return await self._answer(request, body, asked, _as_completion)

    async def _prompt_logprobs(self, prompt: str | list[int]) -> dict[str, Any]:
        if isinstance(prompt, str):
            told = await self._ask("/tokenize", {"content": prompt})
            prompt = told["tokens"]
        read: list[dict[str, Any] | None] = [None]
        for place in range(1, len(prompt)):
            asked = {"prompt": prompt[:place], "n_predict": 1, "n_probs": 1000}
            told = await self._ask("/completion", asked)
            for token in told["completion_probabilities"][0]["top_logprobs"]:
                if token["id"] == prompt[place]:
                    one = {"logprob": token["logprob"], "decoded_token": token["token"], "rank": 1}
                    read.append({str(token["id"]): one})
        choice = {"text": "", "prompt_logprobs": read, "finish_reason": "length"}
        return {"choices": [choice], "usage": {"prompt_tokens": len(prompt)}}

    async def _answer(
        self, request: web.Request, body: dict[str, Any], asked: dict[str, Any], write: Any
    ) -> web.StreamResponse:
        if asked.get("logprobs", 0) > MAX_LOGPROBS:
            return _refusal(f"Requested logprobs of more than {MAX_LOGPROBS}")
        if not body.get("stream"):
            told = await self._ask("/v1/completions", asked)
            return web.json_response(write(told, is_stream=False))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        options = {"stream": True, "stream_options": {"include_usage": True}}
        async for told in self._events(asked | options):
            await response.write(b"data: %b\n\n" % json.dumps(write(told)).encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _events(self, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        assert self._session is not None
        async with self._session.post("/v1/completions", json=asked) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        assert self._session is not None
        async with self._session.post(path, json=body) as answer:
            if answer.status != 200:
                raise web.HTTPBadRequest(text=await answer.text())
            return await answer.json()


def _sampled(body: dict[str, Any]) -> dict[str, Any]:
    names = ("max_tokens", "temperature", "top_p", "seed", "stop")
    return {name: body[name] for name in names if name in body}


def _as_chat(told: dict[str, Any], *, is_stream: bool = True) -> dict[str, Any]:
    for choice in told["choices"]:
        said = {"role": "assistant", "content": choice.pop("text")}
        choice["delta" if is_stream else "message"] = said
    return told


def _as_completion(told: dict[str, Any], *, is_stream: bool = True) -> dict[str, Any]:
    for choice in told["choices"]:
        if tokens := (choice.get("logprobs") or {}).get("content"):
            choice["logprobs"] = {
                "tokens": [token["token"] for token in tokens],
                "token_logprobs": [token["logprob"] for token in tokens],
                "top_logprobs": [
                    {one["token"]: one["logprob"] for one in token["top_logprobs"]}
                    for token in tokens
                ],
            }
    return told


def _refusal(message: str) -> web.Response:
    return web.json_response({"object": "error", "message": message, "code": 400}, status=400)
