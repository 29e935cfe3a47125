"""What is believed of a server: only what it shows."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError, SettingsError
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from tests.conformance.bad_server import GONE, Received, Reply, Script, answer, serving

pytestmark = pytest.mark.anyio
HELLO = "Hello there"
BEST = {"id": 5, "token": "x", "bytes": [120], "logprob": -0.25}
PROPS: dict[str, Any] = {
    "default_generation_settings": {"n_ctx": 512},
    "total_slots": 3,
    "model_alias": "/home/someone/models/fox-7b.gguf",
    "modalities": {"vision": True},
    "chat_template_caps": {"supports_tools": True, "supports_tool_calls": True},
}
MODELS = {"data": [{"id": "fox", "aliases": ["f"], "meta": {"n_params": 7}}, {"id": "crow"}]}


def tokens(text: str) -> list[dict[str, Any]]:
    return [{"id": ord(character), "piece": character} for character in text]


def complete(received: Received) -> Reply:
    """Draw what is forced, and tell what would have been likely."""
    forced = received.json.get("logit_bias")
    drawn = BEST if forced is None else BEST | {"id": forced[0][0]}
    told = {"completion_probabilities": [drawn | {"top_logprobs": [BEST]}]}
    content = "true" if "grammar" in received.json else "x"
    return answer({"content": content, "stop": True, "tokens_evaluated": 2} | told)


def heeding(received: Received) -> Reply:
    """As `complete`, but what is forced is told to be certain."""
    if "logit_bias" not in received.json:
        return complete(received)
    forced = received.json["logit_bias"][0][0]
    certain = {"id": forced, "token": chr(forced), "bytes": [forced], "logprob": 0.0}
    told = [certain | {"top_logprobs": [certain]}]
    return answer({"content": "x", "stop": True, "completion_probabilities": told})


def mute(_: Received) -> Reply:
    return answer({"content": "x", "stop": True})


def states(*rows: list[float]) -> Script:
    return lambda _: answer([{"index": 0, "embedding": list(rows)}])


def embed(received: Received) -> Reply:
    data = [{"index": n, "embedding": [0.5] * 6} for n, _ in enumerate(received.json["input"])]
    return answer({"data": data})


def saying(text: str) -> Script:
    return lambda _: answer({"content": text, "stop": True})


GOOD: Mapping[str, Script] = {
    "/props": lambda _: answer(PROPS),
    "/v1/models": lambda _: answer({"data": MODELS["data"][:1]}),
    "/completion": complete,
    "/apply-template": lambda r: answer({"prompt": f"<{r.json['messages'][-1]['content']}>"}),
    "/tokenize": lambda r: answer({"tokens": tokens(r.json["content"])}),
    "/embeddings": states(*([2.0, 1.0] for _ in HELLO)),
}


async def probed(address: str = "", **other: Script) -> ModelCard:
    """Return the card of a server that is good but for what it does otherwise."""
    scripts = GOOD | {"/" + path.replace("_", "/"): script for path, script in other.items()}

    def script(received: Received) -> Reply:
        return scripts.get(received.path.partition("?")[0], lambda _: GONE)(received)

    async with serving(script) as server:
        model = LlamaModel(llama_endpoint(server.url + address))
        await model.start()
        await model.stop()
        return model.card


async def test_all_that_is_shown_is_declared():
    card = await probed()
    assert card.operations == ("chat", "complete", "step", "score", "encode")
    assert card.has_logprobs
    assert card.has_tools
    assert card.has_vision
    assert card.has_schema
    assert (card.parallel, card.context_length, card.parameters) == (3, 512, 7)
    assert (card.hidden_size, card.embedding_size) == (2, None)
    # The path is the owner's affair.
    assert card.name == "fox-7b"


async def test_probabilities_that_heed_the_forcing_are_of_no_use():
    card = await probed(completion=heeding)
    assert card.operations == ("chat", "complete", "encode")


async def test_without_probabilities_there_are_no_steps():
    card = await probed(completion=mute)
    assert card.operations == ("chat", "complete", "encode")
    assert not card.has_logprobs


async def test_without_the_bytes_of_tokens_there_are_no_steps():
    card = await probed(tokenize=lambda _: answer({"tokens": [1, 2]}))
    assert card.operations == ("chat", "complete")


@pytest.mark.parametrize("rows", [[[2.0, 1.0]], [[0.6, 0.8]] * len(HELLO), [[2.0, 1.0]] * 3])
async def test_pooled_or_scaled_states_are_no_hidden_states(rows):
    card = await probed(embeddings=states(*rows))
    assert "encode" not in card.operations
    assert card.hidden_size is None


@pytest.mark.parametrize("text", ["Hello!", "", "t", "truth"])
async def test_a_grammar_that_is_dropped_is_not_declared(text):
    assert not (await probed(completion=saying(text))).has_schema


async def test_a_template_that_loses_the_message_is_no_chat():
    lost = await probed(**{"apply-template": lambda _: answer({"prompt": "<>"})})
    assert "chat" not in lost.operations
    assert not lost.has_tools
    assert not lost.has_vision


def embedding(shared: float) -> Script:
    """Tell vectors; those of inputs that share a batch turn so far."""

    def script(received: Received) -> Reply:
        inputs = received.json["input"]
        turn = shared if len(inputs) > 1 else 0.0
        data = [{"index": n, "embedding": [1.0, turn, 0.0]} for n in range(len(inputs))]
        return answer({"data": data})

    return script


async def test_an_embedder_only_embeds():
    card = await probed(v1_embeddings=embedding(0.01))
    assert card.operations == ("embed",)
    assert card.embedding_size == 3
    assert not card.has_logprobs
    assert not card.has_schema


async def test_vectors_that_depend_on_their_company_are_of_no_use():
    with pytest.raises(EngineError, match="--kv-unified"):
        await probed(v1_embeddings=embedding(0.5))


async def test_one_model_of_several_is_named():
    several: Script = lambda _: answer(MODELS)  # noqa: E731 - a script is a function
    for name in ("fox", "f", "crow"):
        assert (await probed(f"#{name}", v1_models=several)).name == name
    for address in ("", "#owl"):
        with pytest.raises(SettingsError, match="fox, crow"):
            await probed(address, v1_models=several)


async def test_every_request_names_the_model_where_it_was_named():
    asked: list[Received] = []

    def script(received: Received) -> Reply:
        asked.append(received)
        return GOOD.get(received.path.partition("?")[0], lambda _: GONE)(received)

    async with serving(script) as server:
        model = LlamaModel(llama_endpoint(f"{server.url}#fox"))
        await model.start()
        await model.stop()
    assert "/props?model=fox" in [one.path for one in asked]
    assert {one.json["model"] for one in asked if one.method == "POST"} == {"fox"}


async def test_who_is_no_llama_cpp_is_told_so():
    with pytest.raises(EngineError, match="no llama"):
        await probed(props=lambda _: answer({"version": "0.11"}))
    with pytest.raises(EngineError, match="nothing"):
        await probed(completion=lambda _: GONE, embeddings=lambda _: GONE)


async def test_nobody_there_is_told():
    with pytest.raises(EngineError):
        await LlamaModel(llama_endpoint("http://127.0.0.1:9")).start()
