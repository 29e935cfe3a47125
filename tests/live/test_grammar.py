"""Models without any sense, held to schemas by llama.cpp: what they say is always accepted."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest

from modelnet.core.error import InvalidRequestError
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.embedded import EmbeddedModel
from modelnet.resource.backend.embedded.engine import Engine, EngineSettings
from modelnet.resource.backend.grammar import grammar_of
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER, zoo_model
from tests.conformance.json_schema import accepts
from tests.conformance.models import llama_server
from tests.conformance.tiny_gguf import TOOL_TEMPLATE, write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]

NODE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 3},
        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]},
    },
    "required": ["name", "next"],
}
SHAPES: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"kind": {"const": kind}, "size": {"type": "number", "minimum": 0}},
        "required": ["kind", "size"],
    }
    for kind in ("circle", "square")
]
SCHEMAS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -17, "maximum": 120},
    "number": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "string": {"type": "string", "minLength": 2, "maxLength": 90},
    "enum": {"enum": ["red", "reddish", 1, 12, None, {"a": [True]}, 'é"\\']},
    "formats": {"prefixItems": [{"type": "string", "format": f} for f in ("date-time", "uuid")]},
    "types": {"type": ["null", "integer", "string"], "maxLength": 4},
    "array": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
    "tuple": {"prefixItems": [{"type": "null"}, {"const": "b"}], "items": False, "minItems": 1},
    "optional": {
        "properties": {key: {"type": "boolean"} for key in ("a", "ab", "b")},
        "required": ["ab"],
    },
    "additional": {
        "properties": {"a": {"type": "null"}, "äb": {"type": "null"}},
        "additionalProperties": {"type": "boolean"},
    },
    "union": {"oneOf": [*SHAPES, {"type": "null"}]},
    "recursive": {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    "object": {"type": "object"},
    "anything": {},
}


def asking(schema: dict[str, Any], seed: int) -> Chat:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    sampling = Sampling(max_tokens=1500, temperature=1.0, seed=seed)
    return Chat((Message("user", "Tell."),), sampling, response_format=form)


async def said(model: Model, chat: Chat) -> str | None:
    """Return the answer, if it came to an end within its tokens."""
    text = ""
    async with aclosing(model.run(chat, deadline=time.time() + 30)) as chunks:
        async for chunk in chunks:
            text += chunk.text
            if chunk.finish is not None:
                return text if chunk.finish == "stop" else None
    raise AssertionError(text)


def make(kind: str, folder: Path) -> tuple[Model, Any]:
    if kind == "zoo":
        return zoo_model("general"), None
    path = write_tiny_gguf(folder / "tiny.gguf")
    if kind == "tiny":
        return EmbeddedModel(path), None
    server = llama_server(path)
    return LlamaModel(llama_endpoint(server.listening_address)), server


@pytest.fixture(params=["tiny", "zoo", "server"])
async def model(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Model]:
    made, server = make(request.param, tmp_path)
    await made.start()
    yield made
    await made.stop()
    del server


@pytest.mark.parametrize("name", SCHEMAS)
async def test_answers_are_accepted_by_their_schema(model: Model, name):
    ended = 0
    for seed in range(6):
        text = await said(model, asking(SCHEMAS[name], seed))
        if text is not None:
            ended += 1
            assert accepts(SCHEMAS[name], json.loads(text)), text
    assert ended or name in {"object", "anything", "additional"}


async def test_many_at_once_are_each_held_to_their_own(model: Model):
    wanted = ["boolean", "integer", "array", "tuple", "optional", "union"] * 3
    heard: list[tuple[str, str | None]] = []

    async def one(name: str) -> None:
        heard.append((name, await said(model, asking(SCHEMAS[name], 1))))

    async with anyio.create_task_group() as group:
        for name in wanted:
            group.start_soon(one, name)
    assert len(heard) == len(wanted)
    assert all(accepts(SCHEMAS[name], json.loads(text or "")) for name, text in heard)


async def test_a_refused_schema_leaves_the_model_as_it_was(model: Model):
    with pytest.raises(InvalidRequestError, match="pattern"):
        await said(model, asking({"type": "string", "pattern": "a"}, 1))
    assert await said(model, asking({"const": "x"}, 1)) == '"x"'


async def test_a_model_that_is_thinking_may_think_on(tmp_path: Path):
    template = "{{ messages[-1]['content'] }}<think>\n"
    model = EmbeddedModel(write_tiny_gguf(tmp_path / "thinker.gguf", template=template))
    await model.start()
    async with aclosing(model.run(asking({"const": [1]}, 3), deadline=time.time() + 30)) as stream:
        chunks = [chunk async for chunk in stream]
    await model.stop()
    reasoning = "".join(chunk.reasoning for chunk in chunks)
    assert len(reasoning) > 100
    assert "</" not in reasoning


async def test_tools_llama_cpp_cannot_read_are_refused(tmp_path: Path):
    model = EmbeddedModel(write_tiny_gguf(tmp_path / "tools.gguf", template=TOOL_TEMPLATE))
    await model.start()
    for parameters in ({"type": "nonsense"}, {"properties": {"a": {"$ref": "#/nowhere"}}}):
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        chat = Chat((Message("user", "a"),), Sampling(4), tools=(tool,), tool_choice="required")
        with pytest.raises(InvalidRequestError, match="tool"):
            await said(model, chat)
    await model.stop()


ANOTHER_VOCABULARY = """
import sys, time, anyio
from contextlib import aclosing
from pathlib import Path
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.embedded import EmbeddedModel
TOOL = {"type": "function", "function": {"name": "f", "parameters": {
    "type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}}}
FORM = {"type": "json_schema", "json_schema": {"schema": {"type": "boolean"}}}
HELLO, SHORT = (Message("user", "hi"),), Sampling(max_tokens=8, temperature=0.0)
async def hear(model, chat):
    async with aclosing(model.run(chat, deadline=time.time() + 20)) as chunks:
        return "".join([chunk.text async for chunk in chunks])
async def main():
    for turn in range(6):
        model = EmbeddedModel(Path(sys.argv[1 + turn % 2]))
        await model.start()
        print(await hear(model, Chat(HELLO, SHORT, response_format=FORM)))
        if model.card.has_tools:
            await hear(model, Chat(HELLO, SHORT, tools=(TOOL,), tool_choice="required"))
        await model.stop()
anyio.run(main)
"""


def test_another_vocabulary_at_the_same_address_aborts_nothing(tmp_path: Path):
    tiny = write_tiny_gguf(tmp_path / "tiny.gguf", template=TOOL_TEMPLATE)
    command = [sys.executable, "-c", ANOTHER_VOCABULARY, str(tiny), str(FOLDER / "calc.gguf")]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {*done.stdout.decode().split()} <= {"true", "false"}
    assert len(done.stdout.split()) == 6


def test_two_vocabularies_at_once_are_not_confused(tmp_path: Path):
    settings = EngineSettings(context_length=512, parallel=2, threads=1, batch=512)
    tiny = write_tiny_gguf(tmp_path / "tiny.gguf", template=TOOL_TEMPLATE)
    engines = [Engine(path, settings) for path in (tiny, FOLDER / "calc.gguf")]
    form = grammar_of({"type": "integer", "minimum": 10, "maximum": 99})
    heard: list[int] = []

    def ask(engine: Engine, rng: random.Random) -> None:
        for _ in range(25):
            events: list[bytes] = []
            body = {"prompt": "a", "grammar": form, "seed": rng.randrange(99), "n_predict": 9}
            raw = json.dumps(body | {"temperature": 1.0}).encode()
            engine.complete(raw, events.append)  # It returns nothing: go on.
            told = [json.loads(event)["choices"][0]["text"] for event in events]
            heard.append(int("".join(told)))

    threads = [
        threading.Thread(target=ask, args=(engine, random.Random(seed)))
        for seed, engine in enumerate(engines * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for engine in engines:
        engine.close()
    assert len(heard) == 100
    assert all(10 <= number <= 99 for number in heard)
