"""The zoo on llama.cpp: real weights, real threads, damaged files in processes of their own."""

import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import anyio
import psutil
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import (
    ContextTooLongError,
    InvalidRequestError,
    ModelFileError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Complete, Embed, Message, Partial, Request, Sampling
from modelnet.resource.backend.embedded import Claims, EmbeddedModel
from modelnet.resource.model import Model
from modelnet.resource.zoo import zoo_entries, zoo_model
from modelnet.service.skill import draw
from tests.conformance.tiny_gguf import write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]
QUESTION = "What is 123 plus 456?"


async def hear(model: Model, request: Request, within_s: float = 20.0) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + within_s)) as chunks:
        return [chunk async for chunk in chunks]


def ask(prompt: str, *, partial: Partial | None = None, **sampling) -> Chat:
    return Chat((Message("user", prompt),), Sampling(**sampling), partial or Partial())


def said(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def thought(chunks: list[Chunk]) -> str:
    return "".join(chunk.reasoning for chunk in chunks)


@pytest.fixture
async def calc() -> AsyncIterator[Model]:
    model = zoo_model("calc")
    await model.start()
    yield model
    await model.stop()


@pytest.fixture
async def babble(tmp_path: Path) -> AsyncIterator[Model]:
    model = EmbeddedModel(write_tiny_gguf(tmp_path / "babble.gguf"), Claims(temperature=0.0))
    await model.start()
    yield model
    await model.stop()


@pytest.mark.parametrize("name", sorted(zoo_entries()))
async def test_every_animal_starts_and_answers(name):
    model = zoo_model(name)
    await model.start()
    skill = zoo_entries()[name].skills[0]
    chunks = await hear(model, ask(draw(skill, random.Random(1), "test").prompt))
    assert said(chunks)
    assert "<think>" not in said(chunks)
    assert chunks[-1].usage is not None
    assert model.card.name == name
    assert model.card.skill_ids == set(zoo_entries()[name].skills)
    await model.stop()


async def cut_everywhere(model: Model, question: str) -> None:
    """Ask, then let the model go on from after each token of its own answer."""
    whole = await hear(model, ask(question, top_logprobs=0))
    text, reasoning = said(whole), thought(whole)
    begun_text, begun_reasoning = "", ""
    for chunk in whole:
        begun_text, begun_reasoning = begun_text + chunk.text, begun_reasoning + chunk.reasoning
        rest = await hear(model, ask(question, partial=Partial(begun_text, begun_reasoning)))
        assert begun_reasoning + thought(rest) == reasoning
        assert begun_text + said(rest) == text


@pytest.mark.parametrize("question", [QUESTION, "Compute 12 times 7.", "700-58="])
async def test_an_answer_cut_anywhere_is_continued_exactly(calc: Model, question):
    await cut_everywhere(calc, question)


async def test_a_long_answer_cut_anywhere_is_continued_exactly():
    model = zoo_model("text")
    await model.start()
    await cut_everywhere(model, "Spell the word planet with dashes.")
    await model.stop()


async def test_sixteen_at_once_answer_as_one_after_another(calc: Model):
    questions = [f"What is {a} plus {b}?" for a in (12, 345, 678, 90) for b in (1, 23, 456, 789)]
    alone = [said(await hear(calc, ask(question))) for question in questions]
    together: dict[str, str] = {}

    async def one(question: str) -> None:
        together[question] = said(await hear(calc, ask(question)))

    async with anyio.create_task_group() as group:
        for question in questions:
            group.start_soon(one, question)
    assert [together[question] for question in questions] == alone


async def test_a_seed_repeats_a_drawn_answer(babble: Model):
    async def drawn(seed: int) -> str:
        return said(await hear(babble, ask("a", temperature=1.0, seed=seed, max_tokens=20)))

    assert await drawn(1) == await drawn(1) != await drawn(2)


async def test_a_prompt_beyond_the_context_is_refused_before_it_runs(calc: Model):
    with pytest.raises(ContextTooLongError):
        await hear(calc, ask("plus 1 " * 500))
    assert said(await hear(calc, ask(QUESTION)))


async def test_json_is_held_to_its_schema(babble: Model):
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    schema["additionalProperties"] = False
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    messages = (Message("user", "a"),)
    answer = said(await hear(babble, Chat(messages, Sampling(seed=1), response_format=form)))
    assert json.loads(answer) in [{"a": True}, {"a": False}]
    begun = Chat(messages, partial=Partial(text='{"a"'), response_format=form)
    with pytest.raises(UnsupportedError):
        await hear(babble, begun)
    nonsense = {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}
    with pytest.raises(InvalidRequestError):
        await hear(babble, Chat(messages, response_format=nonsense))


async def test_an_embedder_embeds_and_does_nothing_else(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "embedder.gguf", is_embedder=True)
    model = EmbeddedModel(path)
    await model.start()
    assert model.card.operations == ("embed",)
    (chunk,) = await hear(model, Embed(("first", "second")))
    assert chunk.finish == "stop"
    assert chunk.usage is not None
    assert chunk.usage.prompt_tokens == len("firstsecond")
    first, second = (memoryview(vector).cast("f").tolist() for vector in chunk.vectors)
    assert len(first) == len(second) == 32
    assert first != second
    with pytest.raises(UnsupportedError):
        await hear(model, Complete("a"))
    await model.stop()


def test_schemas_outlive_the_models_they_were_kept_by():
    """llama.cpp without a conversation takes one model's tokens for another's, and aborts."""
    done = subprocess.run(
        [sys.executable, "-c", SCHEMAS], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"true\n" * 8, b"")


SCHEMAS = """
import asyncio, time
from contextlib import aclosing
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.zoo import zoo_model
form = {"type": "json_schema", "json_schema": {"schema": {"const": True}}}
chat = Chat((Message("user", "a"),), Sampling(max_tokens=9), response_format=form)
async def main():
    for place in range(8):
        model = zoo_model(("calc", "general")[place % 2])
        await model.start()
        async with aclosing(model.run(chat, deadline=time.time() + 20)) as chunks:
            print("".join([chunk.text async for chunk in chunks]))
        await model.stop()
asyncio.run(main())
"""


@pytest.mark.parametrize("parallel", [1, 2, 4])
async def test_an_embedding_is_the_same_whatever_is_embedded_beside_it(tmp_path, parallel):
    path = write_tiny_gguf(tmp_path / "embedder.gguf", is_embedder=True)
    texts = ["a crow", "a fox", "a", "b" * 2000, "the fox", "the fox and the crow", "c" * 700]
    model = EmbeddedModel(path, parallel=parallel)
    await model.start()
    alone = [vector_of(await hear(model, Embed((text,)))) for text in texts]
    (chunk,) = await hear(model, Embed((*texts, *texts)))
    heard: dict[str, list[float]] = {}

    async def one(text: str) -> None:
        heard[text] = vector_of(await hear(model, Embed((text,))))

    async with anyio.create_task_group() as group:
        for text in texts:
            group.start_soon(one, text)
    await model.stop()
    for told in (
        [memoryview(vector).cast("f").tolist() for vector in chunk.vectors],
        [heard[text] for text in texts],
    ):
        for index, vector in enumerate(told):
            assert vector == pytest.approx(alone[index % len(texts)], abs=2e-3)


def vector_of(chunks: list[Chunk]) -> list[float]:
    return memoryview(chunks[0].vectors[0]).cast("f").tolist()


@pytest.mark.parametrize(("parallel", "context_length"), [(3, 4096), (4, 510), (1, 100)])
async def test_an_embedder_runs_with_any_number_of_places(tmp_path, parallel, context_length):
    path = write_tiny_gguf(
        tmp_path / "embedder.gguf", is_embedder=True, context_length=context_length
    )
    model = EmbeddedModel(path, parallel=parallel)
    await model.start()
    (chunk,) = await hear(model, Embed(("first", "second", "third", "fourth")))
    assert len(chunk.vectors) == 4
    with pytest.raises(ContextTooLongError):
        await hear(model, Embed(("x" * 4200,)))
    await model.stop()


async def test_a_slow_reader_gets_everything_in_a_few_chunks(babble: Model):
    request = ask("a", max_tokens=500, temperature=0.0)
    whole = said(await hear(babble, request))
    chunks: list[Chunk] = []
    async with aclosing(babble.run(request, deadline=time.time() + 20)) as stream:
        async for chunk in stream:
            chunks.append(chunk)
            await anyio.sleep(0.05)
    assert said(chunks) == whole
    assert len(chunks) < 50


async def test_starting_and_stopping_again_and_again_leaves_nothing_behind(tmp_path: Path):
    model = EmbeddedModel(write_tiny_gguf(tmp_path / "a.gguf"))
    process = psutil.Process()
    files, threads = [], []
    for _ in range(8):
        await model.start()
        await hear(model, ask("a", max_tokens=2))
        await model.stop()
        files.append(process.num_fds())
        threads.append(process.num_threads())
    assert files[-1] <= files[1]
    assert threads[-1] <= threads[1]


async def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path):
    model = EmbeddedModel(write_tiny_gguf(tmp_path / "a.gguf"), Claims(sha256="0" * 64))
    with pytest.raises(ModelFileError, match="not the file that was published"):
        await model.start()


async def test_a_file_llama_cpp_cannot_load_is_refused(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "a.gguf")
    path.write_bytes(path.read_bytes().replace(b"output_norm", b"output_nerm"))
    with pytest.raises(ModelFileError, match="cannot load"):
        await EmbeddedModel(path).start()


START = """
import sys, asyncio
from pathlib import Path
from modelnet.core.error import ModelFileError
from modelnet.resource.backend.embedded import EmbeddedModel
refused = 0
async def start_and_stop(path):
    model = EmbeddedModel(Path(path))
    await model.start()
    await model.stop()
for path in sys.argv[1:]:
    try:
        asyncio.run(start_and_stop(path))
    except ModelFileError:
        refused += 1
print("refused", refused)
"""


def damaged(raw: bytes) -> list[bytes]:
    """Return copies with damage of the kinds that disks and downloads do."""
    middle = len(raw) // 2
    return [
        raw[:100],
        raw[:middle],
        raw[:-1],
        bytes(len(raw)),
        raw[:4] + bytes(64) + raw[68:],
        raw[:16] + struct.pack("<Q", 2**40) + raw[24:],
        raw[:200] + b"\xff" * 200 + raw[400:],
        raw.replace(b"blk.0.attn_q", b"blk.9.attn_q"),
        raw.replace(b"general.architecture", b"general.architectury"),
        raw.replace(b"llama.embedding_length", b"llama.embedding_lengtj"),
        b"<html>404</html>",
        b"",
    ]


def start_in_a_process(*paths: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", START, *map(str, paths)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_damaged_files_are_refused_and_the_process_survives(tmp_path: Path):
    raw = write_tiny_gguf(tmp_path / "whole.gguf").read_bytes()
    paths = [tmp_path / f"{number}.gguf" for number in range(len(damaged(raw)))]
    for path, content in zip(paths, damaged(raw), strict=True):
        path.write_bytes(content)
    done = start_in_a_process(*paths)
    assert (done.returncode, done.stdout.decode()) == (0, f"refused {len(paths)}\n")
    assert done.stderr == b""


def test_llama_cpp_says_nothing_by_itself(tmp_path: Path):
    done = start_in_a_process(write_tiny_gguf(tmp_path / "whole.gguf"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"refused 0\n", b"")
