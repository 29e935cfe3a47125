"""Answers told again by real nodes over HTTP, with the real encoder."""

import json
from importlib.util import find_spec

import aiohttp
import anyio
import pytest

import modelnet
from modelnet.application.settings import load_settings
from modelnet.core.error import SettingsError
from modelnet.resource.backend.scripted import Pace, ScriptedModel, scripted_card
from modelnet.resource.encoder.source import SOURCES

pytestmark = [pytest.mark.live, pytest.mark.anyio]

needs_encoder = pytest.mark.skipif(
    not all(map(find_spec, ("onnxruntime", "tokenizers")))
    or not any(find_spec(source.package) for source in SOURCES),
    reason="the extra 'encoder' is not installed",
)
QUESTION = "What is the capital of France?"
KEYS = ("alice-key", "bob-key")


def settings(folder, **more):
    told = {"name": "n", "multicast": False, "port": 0, "exams": False, "data_dir": folder / "n"}
    return load_settings({**told, **more}, environ={}, file=folder / "none.toml")


def model(answer: str = "Paris", pace: Pace | None = None) -> ScriptedModel:
    return ScriptedModel(lambda _: answer, card=scripted_card("m"), pace=pace)


class Client:
    """Asks one node."""

    def __init__(self, session: aiohttp.ClientSession, node: modelnet.Node, key: str = "") -> None:
        self._session = session
        self._base = node.url.removesuffix("/v1")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[dict, str]:
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, self._base + path, data=data, headers=self._headers
        ) as response:
            told = await response.text()
            assert response.status == 200, told
            return dict(response.headers), told

    async def ask(self, text: str = QUESTION, **options) -> tuple[dict, dict]:
        messages = [{"role": "user", "content": text}]
        body = {"messages": messages, "modelnet": options}
        headers, told = await self("POST", "/v1/chat/completions", body)
        return headers, json.loads(told)

    async def stream(self, text: str = QUESTION) -> list[dict]:
        messages = [{"role": "user", "content": text}]
        _, told = await self("POST", "/v1/chat/completions", {"messages": messages, "stream": True})
        lines = [line.removeprefix("data: ") for line in told.splitlines() if line]
        assert lines[-1] == "[DONE]"
        return [json.loads(line) for line in lines[:-1]]

    async def status(self) -> dict:
        return json.loads((await self("GET", "/modelnet/v1/cache"))[1])


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_hit_says_what_it_is(tmp_path, session):
    asked = model("It is Paris.")
    async with modelnet.Node(settings(tmp_path, cache="exact"), models=[asked]) as node:
        client = Client(session, node)
        headers, first = await client.ask()
        assert "age" not in {name.lower() for name in headers}
        assert "recalled" not in first["modelnet"]["contributors"][0]
        headers, again = await client.ask()
        assert int({name.lower(): told for name, told in headers.items()}["age"]) >= 0
        assert again["choices"] == first["choices"]
        assert again["usage"] == first["usage"]
        assert again["id"] != first["id"]
        (told,) = again["modelnet"]["contributors"]
        assert told["recalled"]["task"] == first["modelnet"]["task_id"]
        assert told["recalled"]["cosine"] == 1.0
        assert told["because"].startswith("answered from the cache")
        events = await client.stream()
        text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events)
        assert text == "It is Paris."
        assert events[-1]["modelnet"]["contributors"][0]["recalled"]["cosine"] == 1.0
        _, explained = await client.ask(explain=True)
        assert "nobody was asked" in explained["modelnet"]["explanation"]["because"]
        assert len(asked.requests) == 1
        await client.ask(cache=False)
        await client.ask(keep=False)
        assert len(asked.requests) == 3


async def test_metrics_and_status(tmp_path, session):
    async with modelnet.Node(settings(tmp_path, cache="near"), models=[model()]) as node:
        client = Client(session, node)
        await client.ask()
        spent = _tokens((await client("GET", "/metrics"))[1])
        for _ in range(2):
            await client.ask()
        status = await client.status()
        assert (status["mode"], status["exact"], status["entries"]) == ("near", 2, 1)
        assert status["trust"]["checks"] == 0
        assert (status["trust"]["rate_low"], status["trust"]["rate_high"]) == (0.0, 1.0)
        metrics = (await client("GET", "/metrics"))[1]
        assert "modelnet_cache_exact 2.0" in metrics
        assert "modelnet_cache_wrong_rate_high 1.0" in metrics
        # Nothing was read or written for those told again.
        assert _tokens(metrics) == spent > 0.0


def _tokens(metrics: str) -> float:
    counted = [line for line in metrics.splitlines() if line.startswith("modelnet_tokens_total")]
    return sum(float(line.rpartition(" ")[2]) for line in counted)


async def test_off_says_so(tmp_path, session):
    async with modelnet.Node(settings(tmp_path), models=[model()]) as node:
        client = Client(session, node)
        assert (await client.status())["mode"] == "off"
        assert "modelnet_cache" not in (await client("GET", "/metrics"))[1]


async def test_no_key_hears_what_another_asked(tmp_path, session):
    asked = model()
    told = settings(tmp_path, cache="exact", api_keys=KEYS)
    async with modelnet.Node(told, models=[asked]) as node:
        alice, bob = (Client(session, node, key) for key in KEYS)
        await alice.ask()
        _, heard = await bob.ask()
        assert "recalled" not in heard["modelnet"]["contributors"][0]
        assert len(asked.requests) == 2
        _, heard = await alice.ask()
        assert "recalled" in heard["modelnet"]["contributors"][0]


async def test_equal_questions_at_once(tmp_path, session):
    asked = model("one two three", Pace(0.3, 50.0))
    async with modelnet.Node(settings(tmp_path, cache="exact"), models=[asked]) as node:
        client = Client(session, node)
        heard: list[dict] = []

        async def ask() -> None:
            heard.append((await client.ask())[1])

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(ask)
        texts = {one["choices"][0]["message"]["content"] for one in heard}
        assert texts == {"one two three"}
        assert len(asked.requests) == 1


async def test_forgotten_by_a_restart_by_delete_and_by_a_verdict(tmp_path, session):
    asked = model("Lyons")
    for _ in range(2):
        async with modelnet.Node(settings(tmp_path, cache="exact"), models=[asked]) as node:
            await Client(session, node).ask()
    assert len(asked.requests) == 2
    async with modelnet.Node(settings(tmp_path, cache="exact"), models=[asked]) as node:
        client = Client(session, node)
        await client.ask()
        await client("DELETE", "/modelnet/v1/feedback")
        await client.ask()
        assert len(asked.requests) == 4
        _, again = await client.ask()
        word = {"id": again["id"], "right": False}
        taught = json.loads((await client("POST", "/modelnet/v1/feedback", word))[1])
        assert taught["taught"][0]["model"] == "m"
        await client.ask()
        assert len(asked.requests) == 5


@needs_encoder
async def test_near_questions_are_compared_before_they_count(tmp_path, session):
    async with modelnet.Node(settings(tmp_path, cache="near"), models=[model()]) as node:
        with anyio.fail_after(60):
            await node.parts.reader.ready()
        # A busy machine may be late with an embedding, and then rests; this is not about that.
        client = Client(session, node)
        await client.ask(QUESTION)
        await client.ask("Which city is the capital of France?")
        await client.ask("What is the capital of Spain?")
        status = await client.status()
        assert (status["asked"], status["exact"], status["near"]) == (3, 0, 0)
        assert status["trust"]["from_cosine"] is None
        assert status["trust"]["checks"] <= 1
        assert status["trust"]["wrong"] == 0


def test_ahead_needs_a_cache(tmp_path):
    with pytest.raises(SettingsError, match="--cache exact"):
        settings(tmp_path, prefetch=True)
    with pytest.raises(SettingsError, match="makes no sense"):
        settings(tmp_path, cache="sometimes")
    with pytest.raises(SettingsError, match="makes no sense"):
        settings(tmp_path, cache="near", cache_wrong=0.0)
