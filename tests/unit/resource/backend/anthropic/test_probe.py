"""What a probe costs, and what it concludes."""

import json
from typing import Any

import pytest

from modelnet.core.card import Price
from modelnet.core.error import InvalidRequestError, OverloadedError, SettingsError
from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint
from modelnet.resource.specification import model_from
from tests.conformance.bad_server import BUSY, GONE, Received, Reply, answer, serving

pytestmark = pytest.mark.anyio


class Api:
    """Answers everything but requests with the `refused` extras, and counts the tokens it wrote."""

    def __init__(self, *refused: str, told: dict[str, Any] | None = None) -> None:
        self.refused = set(refused)
        self.told = told or {}
        self.tokens = 0

    def __call__(self, received: Received) -> Reply:
        if received.path == "/v1/models/m":
            return answer({"type": "model", "id": "m-2026", **self.told})
        if received.path != "/v1/messages":
            return GONE
        body = received.json
        extras = {key for key in ("tools", "temperature") if key in body}
        if body["messages"][-1]["role"] == "assistant":
            extras.add("continuation")
        if extras & self.refused or "everything" in self.refused:
            told = {"type": "invalid_request_error", "message": f"no {sorted(extras)}"}
            return answer({"type": "error", "error": told}, status=400)
        self.tokens += body["max_tokens"]
        return answer({"type": "message", "content": []})


async def started(api: Any, **options: Any) -> AnthropicModel:
    async with serving(api) as server:
        endpoint = anthropic_endpoint(f"{server.url}#m")
        model = AnthropicModel(endpoint, environment={}, **options)
        await model.start()
        await model.stop()
        return model


@pytest.mark.parametrize(
    ("refused", "tokens"),
    [
        ((), 1),
        (("tools",), 2),
        (("temperature",), 2),
        (("continuation", "temperature"), 1),
        (("continuation", "temperature", "tools"), 1),
    ],
)
async def test_a_probe_costs_a_token_or_two(refused, tokens):
    api = Api(*refused)
    card = (await started(api)).card
    assert api.tokens == tokens
    assert card.can_continue == ("continuation" not in refused)
    assert card.has_tools == ("tools" not in refused)


async def test_what_is_told_is_on_the_card_and_nothing_else():
    told = {
        "display_name": "M",
        "max_input_tokens": 1000,
        "max_tokens": 500,
        "capabilities": {"image_input": {"supported": True}, "invented_since": {}},
    }
    card = (await started(Api(told=told), price=Price(3.0, 15.0))).card
    assert (card.name, card.description) == ("m-2026", "M")
    assert card.context_length == 1000
    assert card.has_vision
    assert not card.has_schema
    assert card.price == Price(3.0, 15.0)
    bare = (await started(Api(), name="mine")).card
    assert (bare.name, bare.context_length, bare.has_vision) == ("mine", None, False)


async def test_a_model_that_answers_nothing_is_told_why():
    with pytest.raises(InvalidRequestError, match="no "):
        await started(Api("everything"))


async def test_a_busy_server_says_nothing_of_the_model():
    api = Api()
    with pytest.raises(OverloadedError):
        await started(lambda r: BUSY if r.path == "/v1/messages" else api(r))


async def test_the_name_alone_is_anthropics_and_needs_its_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("MODELNET_KEY_API_ANTHROPIC_COM", raising=False)
    model = model_from("claude=anthropic:claude-x")
    assert isinstance(model, AnthropicModel)
    with pytest.raises(SettingsError, match="set ANTHROPIC_API_KEY"):
        await model.start()
    endpoint = anthropic_endpoint("claude-x;key=MINE")
    assert endpoint.base == "https://api.anthropic.com/v1"
    assert endpoint.key({"MINE": "k", "ANTHROPIC_API_KEY": "not this"}) == "k"
    assert json.dumps(endpoint).count("claude-x") == 1
