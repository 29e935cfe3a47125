"""Scores from servers that tell what they thought of a prompt."""

import json
import time
from contextlib import aclosing

import pytest
from aiohttp import web

from modelnet.core.chunk import Token, Usage
from modelnet.core.error import EngineError, InvalidRequestError, UnsupportedError
from modelnet.core.request import Chat, Complete, Message, Partial, Score
from modelnet.resource.backend.openai.score import tokens_for
from tests.unit.resource.backend.openai.conftest import Connect, Upstream

pytestmark = pytest.mark.anyio
VLLM = ("open-message", "complete", "logprobs", "prompt-logprobs")
ECHO = ("complete", "logprobs", "echo")


async def score(model, request: Score):
    async with aclosing(model.run(request, deadline=time.time() + 5)) as chunks:
        return [chunk async for chunk in chunks]


def test_tokens_whose_texts_join_are_told_apart():
    assert tokens_for("ab c", [("ab", -1.0), (" c", 0.1)]) == (
        Token("ab", -1.0, b"ab"),
        Token(" c", 0.0, b" c"),
    )


def test_tokens_that_are_parts_of_characters_are_told_as_one():
    (token,) = tokens_for("\u20ac!", [("\ufffd", -1.0), ("\ufffd!", -2.0)])
    assert token == Token("\u20ac!", -3.0, "\u20ac!".encode())


class Vllm:
    """What vLLM does: words are tokens, numbered by their place in a vocabulary."""

    def __init__(self, upstream: Upstream) -> None:
        self.words = ["<s>", "one", " two", " three", " four"]
        self.sent: list[dict] = []
        upstream.extra |= {"/tokenize": self.tokenize, "/v1/completions": self.complete}

    async def tokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.sent.append(body)
        if "prompt" not in body:
            return web.json_response({"tokens": [0, 1]})
        text, ids = body["prompt"], [] if body.get("add_special_tokens") is False else [0]
        while text:
            word = next(word for word in self.words if text.startswith(word))
            ids.append(self.words.index(word))
            text = text.removeprefix(word)
        return web.json_response({"tokens": ids})

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.sent.append(body)
        told = [
            {str(one): {"logprob": -float(place), "decoded_token": self.words[one], "rank": 1}}
            for place, one in enumerate(body["prompt"])
        ]
        choice = {"text": "", "prompt_logprobs": [None, *told[1:]]}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": len(told)}})


async def test_vllm_scores_ids_tokenized_apart(upstream: Upstream, connect: Connect):
    model = await connect(*VLLM)
    vllm = Vllm(upstream)
    (chunk,) = await score(model, Score(Complete("one", partial=Partial(" two")), " three four"))
    assert chunk.tokens == (Token(" three", -3.0, b" three"), Token(" four", -4.0, b" four"))
    assert chunk.usage == Usage(5, 0)
    assert chunk.finish == "stop"
    assert vllm.sent[-1]["prompt"] == [0, 1, 2, 3, 4]
    assert vllm.sent[1]["add_special_tokens"] is False


async def test_vllm_scores_answers_of_a_chat(upstream: Upstream, connect: Connect):
    model = await connect(*VLLM)
    vllm = Vllm(upstream)
    chat = Chat((Message("user", "hi"),))
    (chunk,) = await score(model, Score(chat, " three"))
    assert chunk.tokens == (Token(" three", -2.0, b" three"),)
    assert vllm.sent[0]["add_generation_prompt"] is True
    await score(model, Score(Chat(chat.messages, partial=Partial("one")), " three"))
    assert vllm.sent[3]["messages"][-1] == {"role": "assistant", "content": "one"}
    assert vllm.sent[3]["continue_final_message"] is True


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        [None],
        [None, None, None],
        [None, {"9": {"logprob": -1.0}}, {"9": {"logprob": -1.0}}],
        "scores",
        [None, {"3": {"logprob": None}}, {"3": {"logprob": None}}],
    ],
)
async def test_scores_of_other_tokens_are_the_engines_fault(
    upstream: Upstream, connect: Connect, told
):
    model = await connect(*VLLM)
    Vllm(upstream)

    async def complete(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"prompt_logprobs": told}]})

    upstream.extra["/v1/completions"] = complete
    with pytest.raises(EngineError):
        await score(model, Score(Complete("one"), " three"))


def echoing(tokens: list[str], values: list[float | None]):
    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        assert body["echo"] is True
        logprobs = {"tokens": tokens, "token_logprobs": values}
        return web.json_response({"choices": [{"text": "", "logprobs": logprobs}]})

    return complete


async def test_an_echo_is_cut_to_the_continuation(upstream: Upstream, connect: Connect):
    model = await connect(*ECHO)
    # The last token is one the server had to add.
    told = ["one", " two", " th", "ree", "!"], [None, -1.0, -2.0, -3.0, -4.0]
    upstream.extra["/v1/completions"] = echoing(*told)
    (chunk,) = await score(model, Score(Complete("one two"), " three"))
    assert chunk.tokens == (Token(" th", -2.0, b" th"), Token("ree", -3.0, b"ree"))
    assert upstream.requests[-1]["prompt"] == "one two three"


async def test_a_token_across_the_border_is_refused(upstream: Upstream, connect: Connect):
    model = await connect(*ECHO)
    upstream.extra["/v1/completions"] = echoing(["one", " two", "!"], [None, -1.0, -2.0])
    with pytest.raises(InvalidRequestError, match="across the beginning"):
        await score(model, Score(Complete("one t"), "wo"))


async def test_who_only_echoes_scores_no_chat(connect: Connect):
    model = await connect(*ECHO)
    with pytest.raises(UnsupportedError):
        await score(model, Score(Chat((Message("user", "hi"),)), "a"))


@pytest.mark.parametrize("logprobs", [None, {}, {"tokens": [], "token_logprobs": []}])
async def test_an_echo_without_scores_is_the_engines_fault(
    upstream: Upstream, connect: Connect, logprobs
):
    model = await connect(*ECHO)

    async def complete(request: web.Request) -> web.Response:
        return web.Response(body=json.dumps({"choices": [{"text": "a", "logprobs": logprobs}]}))

    upstream.extra["/v1/completions"] = complete
    with pytest.raises(EngineError):
        await score(model, Score(Complete("one"), " two"))
