"""The official client finds everything where it expects it."""

import math

import msgspec
import openai
import pytest

pytestmark = pytest.mark.live

HI = [{"role": "user", "content": "hello big world"}]


@pytest.fixture(scope="module")
def client(echo_url: str):
    with openai.OpenAI(base_url=f"{echo_url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_models(client):
    names = [model.id for model in client.models.list()]
    assert names == ["auto", "auto:cheap", "auto:fast", "auto:best", "echo", "echo@alice"]
    assert client.models.retrieve("echo@alice").owned_by == "alice"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("a/b:c")
    assert caught.value.code == "model_not_found"


def test_chat(client):
    answer = client.chat.completions.create(model="auto", messages=HI)
    assert answer.choices[0].message.content == "hello big world "
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "echo"
    assert answer.usage.total_tokens == 6
    assert answer.modelnet["contributors"][0]["model"] == "echo"
    assert answer.id == f"chatcmpl-{answer.modelnet['task_id']}"
    assert answer._request_id == answer.modelnet["task_id"]


def test_streamed_chat(client):
    chunks = list(
        client.chat.completions.create(
            model="auto", messages=HI, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == "hello big world "
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 3
    assert chunks[-1].modelnet["contributors"][0]["because"] == "the test says so"


def test_streamed_and_whole_logprobs_are_the_same(client):
    asked = {"model": "auto", "messages": HI, "logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked).choices[0].logprobs.content
    streamed = [
        token
        for chunk in client.chat.completions.create(**asked, stream=True)
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert whole == streamed
    assert [bytes(token.bytes).decode() for token in whole] == ["hello ", "big ", "world "]
    assert len(whole[0].top_logprobs) == 2
    assert math.isclose(whole[0].logprob, -0.25)


def test_completions(client):
    answer = client.completions.create(model="auto", prompt="one two", logprobs=1)
    assert answer.choices[0].text == "one two "
    assert answer.choices[0].logprobs.text_offset == [0, 4]
    many = client.completions.create(model="auto", prompt=["a", "b c", "d"], max_tokens=5)
    assert [(choice.index, choice.text) for choice in many.choices] == [
        (0, "a "),
        (1, "b c "),
        (2, "d "),
    ]
    assert many.usage.completion_tokens == 4


def test_streamed_completions(client):
    texts = {0: "", 1: ""}
    reasons = {}
    for chunk in client.completions.create(model="auto", prompt=["a b", "c"], stream=True):
        choice = chunk.choices[0]
        texts[choice.index] += choice.text
        reasons[choice.index] = choice.finish_reason
    assert texts == {0: "a b ", 1: "c "}
    assert reasons == {0: "stop", 1: "stop"}


def test_embeddings(client):
    by_default = client.embeddings.create(model="echo", input=["abc", "a"])
    assert [one.embedding for one in by_default.data] == [[3.0, 0.5], [1.0, 0.5]]
    plain = client.embeddings.create(model="echo", input="abc", encoding_format="float")
    assert plain.data[0].embedding == [3.0, 0.5]
    assert plain.usage.prompt_tokens == 1


def test_refusals_are_the_clients_own_errors(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="auto", messages=HI, n=2)
    assert (caught.value.param, caught.value.code) == ("n", "unsupported")
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="auto", messages=[])
    assert caught.value.param == "messages"


@pytest.mark.anyio
async def test_the_async_client(network, serve):
    answering = network()
    async with (
        serve(answering) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client,
    ):
        stream = await client.chat.completions.create(
            model="a, b",
            messages=HI,
            stream=True,
            extra_body={"modelnet": {"fallback": ["auto"], "deadline_s": 5}},
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "hello big world "
    assert answering.tasks[0].models == ("a", "b", "auto")


@pytest.mark.anyio
async def test_limits_and_weights_from_the_stock_client(network, serve):
    answering = network()
    wish = {"max_cost_usd": 0.01, "max_latency_s": 2, "min_quality": 0.8, "weights": {"dollar": 5}}
    async with (
        serve(answering) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client,
    ):
        await client.chat.completions.create(
            model="auto", messages=HI, extra_body={"modelnet": wish}
        )
        with pytest.raises(openai.BadRequestError, match="max_costs"):
            await client.chat.completions.create(
                model="auto", messages=HI, extra_body={"modelnet": {"max_costs": 0.01}}
            )
    (task,) = answering.tasks
    assert msgspec.to_builtins(task.wish) == wish
