"""A real node learns what questions are about, over HTTP and through a restart."""

import logging
import subprocess
import sys
from importlib.util import find_spec

import aiohttp
import anyio
import pytest

import modelnet
from modelnet.application.compose import ENCODER_FOLDER, open_encoder
from modelnet.application.settings import Settings
from modelnet.core.clock import system_clock
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card
from modelnet.resource.encoder.source import SOURCES

pytestmark = [pytest.mark.live, pytest.mark.anyio]

needs_encoder = pytest.mark.skipif(
    not all(map(find_spec, ("onnxruntime", "tokenizers")))
    or not any(find_spec(source.package) for source in SOURCES),
    reason="the extra 'encoder' is not installed",
)
PATIENCE_S = 60.0
COOKING = [
    "How long must bread dough rise before it goes into the oven?",
    "Why does my loaf of bread come out of the oven flat?",
    "What flour makes the best pizza dough?",
    "How do I keep a sourdough starter alive?",
    "At which temperature do I bake a baguette?",
    "Can I bake bread without yeast?",
    "How do I knead a wet bread dough?",
]
SAILING = [
    "How do I tack a small sailing boat into the wind?",
    "When should a sailor reef the mainsail?",
    "What does the keel of a sailing yacht do?",
    "How do I anchor a sailing boat in a strong wind?",
    "Which way do I push the tiller to turn the boat to port?",
    "Why does my sailing boat heel over so much?",
    "How do I trim the jib of a sailing boat when beating?",
]


def model(name: str) -> ScriptedModel:
    return ScriptedModel(lambda _: f"The {name} says so.", card=scripted_card(name))


def node_in(folder) -> modelnet.Node:
    told = Settings(
        name="n", data_dir=folder, port=0, multicast=False, exams=False, keep_embeddings=True
    )
    return modelnet.Node(told, models=[model("cook"), model("sailor")])


async def has_encoder(node: modelnet.Node) -> None:
    with anyio.fail_after(PATIENCE_S):
        await node.parts.reader.ready()


class Client:
    def __init__(self, session: aiohttp.ClientSession, node: modelnet.Node) -> None:
        self._session = session
        self._url = node.url

    async def ask(self, question: str) -> tuple[str, str, str]:
        """Return the id of the answer, who gave it and why."""
        body = {"messages": [{"role": "user", "content": question}]}
        async with self._session.post(f"{self._url}/chat/completions", json=body) as response:
            told = await response.json()
        (one,) = told["modelnet"]["contributors"]
        return told["id"], one["model"], one["because"]

    async def judge(self, answer: str, *, is_right: bool) -> None:
        url = f"{self._url.removesuffix('/v1')}/modelnet/v1/feedback"
        async with self._session.post(url, json={"id": answer, "right": is_right}) as response:
            assert response.status == 200, await response.text()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as made:
        yield made


@needs_encoder
async def test_verdicts_lead_each_question_to_who_knows(tmp_path, session):
    pairs = zip(COOKING, SAILING, strict=True)
    topics = [told for pair in pairs for told in zip(pair, ("cook", "sailor"), strict=True)]
    async with node_in(tmp_path) as node:
        await has_encoder(node)
        client = Client(session, node)
        for question, knows in topics[:10] * 2:
            answer, who, _ = await client.ask(question)
            await client.judge(answer, is_right=who == knows)
        for question, knows in topics[10:]:
            _, who, because = await client.ask(question)
            assert who == knows
            assert "near this question" in because
    async with node_in(tmp_path) as node:
        await has_encoder(node)
        client = Client(session, node)
        assert [(await client.ask(question))[1] for question, _ in topics[10:]] == [
            knows for _, knows in topics[10:]
        ]


@needs_encoder
def test_one_that_is_broken_is_told_of_once(tmp_path, caplog):
    (tmp_path / ENCODER_FOLDER).write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert open_encoder(tmp_path, system_clock) is None
    assert len(caplog.records) == 1
    assert "goes on without" in caplog.text


IDLE = """
import sys
sys.modules["tokenizers"] = None  # As if it were not installed.
import anyio
from pathlib import Path
import modelnet
from modelnet.application.compose import open_encoder
from modelnet.application.settings import Settings
folder = Path(sys.argv[1])

async def main():
    told = Settings(name="n", data_dir=folder, port=0, multicast=False)
    async with modelnet.Node(told):
        await anyio.to_thread.run_sync(open_encoder, folder, lambda: 0.0)

anyio.run(main)
print(sorted({"numpy", "onnxruntime"} & sys.modules.keys()), [*folder.glob("encoder*")])
"""


def test_without_the_extra_nothing_is_loaded_or_said(tmp_path):
    command = [sys.executable, "-c", IDLE, str(tmp_path / "data")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert (run.stdout.strip(), run.stderr.strip()) == ("[] []", "")
